"""What is wrong with single files of a data set, and the one error that names them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

from ..errors import InputError
from ..picture_formats import DAMAGED, FORMATS

_NAMED = 5  # offenders that one error names


@dataclass(frozen=True)
class Problem:
    """A file that cannot be used as it is.

    Attributes:
        kind: "missing_caption", "orphan_caption", "empty_caption", "not_utf8", "unreadable",
            "broken_picture" or "two_pictures".
        path: the file.
        problem: what is wrong, as a clause.
        remedy: what to do, as a sentence.
        file: the file's name relative to the data set's folder ("a.txt", "10_punk/a.txt").
    """

    kind: str
    path: Path
    problem: str
    remedy: str
    file: str


def raise_problems(problems: Iterable[Problem]) -> NoReturn:
    """Raise one error for the problems, naming the first few files and what is wrong with each.

    Args:
        problems: at least one.
    """
    wrong = list(problems)
    first = wrong[0]
    if len(wrong) == 1:
        raise InputError(first.problem, file=first.path, remedy=first.remedy)
    named = "; ".join(f"{problem.file}: {problem.problem}" for problem in wrong[:_NAMED])
    more = f"; and {len(wrong) - _NAMED} more" if len(wrong) > _NAMED else ""
    remedies = " ".join(dict.fromkeys(problem.remedy for problem in wrong[:_NAMED]))
    raise InputError(f"{len(wrong)} files cannot be used: {named}{more}", file=_root(first), remedy=remedies)


def _root(problem: Problem) -> Path:
    """The data set's folder: the file's path less its relative name."""
    return problem.path.parents[problem.file.count("/")]


def broken_picture(path: Path, file: str) -> list[Problem]:
    """Return the problem of a picture that cannot be decoded, or nothing."""
    from PIL import Image  # late, because captions alone need no imaging library

    try:
        with Image.open(path, formats=FORMATS) as picture:
            # A PNG's checksums tell without decoding it; the other formats have none.
            if picture.format == "PNG":
                picture.verify()
            else:
                picture.load()
    except (*DAMAGED, Image.DecompressionBombError) as error:
        problem = f"is not a whole picture ({error})"
        return [broken(path, file, problem)]
    return []


def broken(path: Path, file: str, problem: str) -> Problem:
    """Return the problem of a picture that was found broken."""
    remedy = "Replace the picture or remove it with its caption."
    return Problem("broken_picture", path, problem, remedy, file)
