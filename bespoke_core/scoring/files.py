"""Scoring picture files one by one, and writing the scores of many, in memory that does not grow."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack
from os import PathLike
from pathlib import Path
from types import TracebackType
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..amounts import counted
from ..errors import InputError
from ..files import whole_folder
from ..sprites.pictures import read_picture
from .reference import ReferenceStatistics
from .score import Scores, score_pictures, scores_csv

Progress = Callable[[int, int], None]
Skip = Callable[[Path, InputError], None]


class ScoredFile(NamedTuple):
    """One picture file and what was measured on it.

    Attributes:
        path: as it was given.
        prompt: what was asked for; None where it is not known.
        picture: uint8 RGB (H, W, 3).
        scores: of this picture.
    """

    path: Path
    prompt: str | None
    picture: NDArray[np.uint8]
    scores: Scores


def score_files(
    paths: Sequence[Path],
    *,
    size: tuple[int, int] = (24, 24),
    method: str = "nearest",
    prompts: Sequence[str | None] | None = None,
    reference: ReferenceStatistics | None = None,
    on_progress: Progress | None = None,
    skip: Skip | None = None,
) -> Iterator[ScoredFile]:
    """Read and score picture files one by one; they may be of different sizes.

    Args:
        paths: of the pictures.
        size, method, reference: see `score.score_pictures`.
        prompts: one for each picture; None for all or for some where it is not known.
        on_progress: called with (done, in all) before the first and after each picture.
        skip: called with a picture that cannot be read or scored and the reason; it is then left out. None:
            the error is raised.

    Raises:
        InputError: there are more or fewer prompts than pictures, or a picture cannot be read or scored; the
            message names it.
    """
    if prompts is not None and len(prompts) != len(paths):
        raise InputError(
            f"{counted(len(prompts), 'prompt')} for {counted(len(paths), 'picture')}",
            field="prompts",
            remedy="Give one prompt for each picture.",
        )
    for done, path in enumerate(paths):
        if on_progress is not None:
            on_progress(done, len(paths))
        prompt = prompts[done] if prompts is not None else None
        asked = None if prompt is None else [prompt]
        try:
            picture = read_picture(path)
            (scores,) = score_pictures(
                picture[None], size=size, method=method, prompts=asked, reference=reference
            )
        except InputError as error:
            if skip is None:
                raise _about(path, error) from None
            skip(path, _about(path, error))
        else:
            yield ScoredFile(path, prompt, picture, scores)
    if on_progress is not None:
        on_progress(len(paths), len(paths))


class ScoresFolder(AbstractContextManager["ScoresFolder"]):
    """Writes scores while they are made: ``scores.csv`` and ``scores.json``, whole or not at all.

    The folder takes the place of an older one when the block ends well; otherwise nothing changes. `building`
    is the folder while it is made, for further files.

    Raises:
        OSError: it cannot be written; nothing is changed.
    """

    def __init__(
        self,
        folder: str | PathLike[str],
        *,
        size: tuple[int, int] = (24, 24),
        method: str = "nearest",
        reference: ReferenceStatistics | None = None,
        more: dict[str, Any] | None = None,
    ) -> None:
        """Prepare; `more` are further entries of the JSON file beside "scores", "size" and "method"."""
        self.folder = Path(folder)
        self.count = 0
        self._about: dict[str, Any] = {"size": list(size), "method": method}
        if reference is not None:
            self._about["reference"] = reference.to_dict()
        self._about |= more or {}

    def __enter__(self) -> ScoresFolder:
        """Open both files."""
        with ExitStack() as opened:
            self.building = opened.enter_context(whole_folder(self.folder))
            self._csv, self._json = (
                opened.enter_context((self.building / name).open("w", encoding="utf-8", newline="\n"))
                for name in ("scores.csv", "scores.json")
            )
            self._opened = opened.pop_all()
        self._csv.write(scores_csv([]))
        self._json.write('{"scores": [')
        return self

    def add(self, file: str, scores: Scores) -> None:
        """Write one picture's scores under the name `file`; bytes that are no text become ``\\udc..``."""
        file = file.encode("utf-8", "backslashreplace").decode("utf-8")
        header = len(scores_csv([]))
        self._csv.write(scores_csv([scores], [file])[header:])
        record = json.dumps({"file": file, **scores.to_dict()}, ensure_ascii=False, allow_nan=False)
        self._json.write(("," if self.count else "") + "\n" + record)
        self.count += 1

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> bool | None:
        """Finish both files and put the folder into its place, or throw it away."""
        if kind is None:
            about = json.dumps(self._about, ensure_ascii=False, allow_nan=False)
            self._json.write("\n], " + about.removeprefix("{") + "\n")
        return self._opened.__exit__(kind, error, trace)


def _about(path: Path, error: InputError) -> InputError:
    """Return the error with the picture's name, where it does not know it."""
    if error.file is not None:
        return error
    shown = {"value": error.value} if error.has_value else {}
    return InputError(error.problem, remedy=error.remedy, file=path, field=error.field, **shown)
