"""Test prompts: named texts that every checkpoint is asked to draw."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from ..errors import InputError
from ..files import read_text

_NAMED = re.compile(r"^([\w][\w .-]{0,60}?)\s*:\s+(.+)$")
_STEM = "pixel art, 24x24, portrait of bespoke punk"


@dataclass(frozen=True)
class TestPrompt:
    """One test prompt.

    Attributes:
        name: short, unique in a sweep; it stands in tables and file names.
        text: what the text encoder is given.
    """

    __test__ = False  # the name begins like a test's; pytest must not collect it

    name: str
    text: str


EIGHT_SCENES: tuple[TestPrompt, ...] = (
    TestPrompt("green_background", f"{_STEM} lad, brown hair, bright green background"),
    TestPrompt("brown_eyes_lady", f"{_STEM} lady, black hair, brown eyes, light blue background"),
    TestPrompt("sunglasses_lad", f"{_STEM} lad, black hair, black sunglasses, yellow background"),
    TestPrompt("gold_earrings_lady", f"{_STEM} lady, brown hair, gold earrings, purple background"),
    TestPrompt("red_hair_lady", f"{_STEM} lady, red hair, green eyes, gray background"),
    TestPrompt("afro_lad", f"{_STEM} lad, black afro hair, brown eyes, orange background"),
    TestPrompt("blonde_bow_lady", f"{_STEM} lady, blonde hair with a red bow, pink background"),
    TestPrompt("green_hair_lad", f"{_STEM} lad, green hair, blue eyes, dark blue background"),
)
"""The scenes of the experiment that Bespoke grew from, written with one background colour each."""


def parse_prompts(text: str, *, file: Path | None = None) -> tuple[TestPrompt, ...]:
    """Read prompts, one a line: ``name: text``, or a text alone, which is then named ``prompt_1`` and so on.

    Empty lines and lines that begin with ``#`` are passed over.

    Raises:
        InputError: two prompts have one name.
    """
    prompts: list[TestPrompt] = []
    for line in text.splitlines():
        stripped = line.strip()
        if not stripped or stripped.startswith("#"):
            continue
        named = _NAMED.match(stripped)
        name, body = (named.group(1), named.group(2)) if named else (f"prompt_{len(prompts) + 1}", stripped)
        prompts.append(TestPrompt(name.strip(), body.strip()))
    return check_prompts(prompts, file=file)


def prompt_lines(prompts: Iterable[TestPrompt]) -> str:
    """Return prompts in the form that `parse_prompts` reads.

    Raises:
        InputError: a name or a text that this form cannot hold.
    """
    lines = []
    for prompt in prompts:
        line = f"{prompt.name}: {prompt.text}"
        if parse_prompts(line) != (prompt,):
            raise InputError(
                "cannot be written as one line 'name: text'",
                field="prompts",
                value=prompt.name,
                remedy="Use a name of letters, digits, blanks, dots and dashes, and a text on one line.",
            )
        lines.append(line)
    return "\n".join(lines)


def read_prompts(path: Path) -> tuple[TestPrompt, ...]:
    """Read a prompt file (UTF-8, with or without a byte-order mark), as `parse_prompts` does.

    Raises:
        InputError: not UTF-8, empty, or two prompts have one name.
    """
    prompts = parse_prompts(read_text(path, remedy="Give a file with one prompt a line."), file=path)
    if not prompts:
        raise InputError("holds no prompt", file=path, remedy="Write one prompt a line, as 'name: text'.")
    return prompts


def check_prompts(prompts: Iterable[TestPrompt], *, file: Path | None = None) -> tuple[TestPrompt, ...]:
    """Return the prompts when their names, ignoring case, and their texts are unique.

    Raises:
        InputError: two prompts have one name or one text.
    """
    checked = tuple(prompts)
    seen: set[str] = set()
    texts: dict[str, str] = {}
    for prompt in checked:
        if prompt.name.lower() in seen:
            raise InputError(
                "two prompts have this name",
                file=file,
                field="prompts",
                value=prompt.name,
                remedy="Name every prompt differently; results are listed by name.",
            )
        if prompt.text in texts:
            raise InputError(
                f"asks for the same as {texts[prompt.text]}",
                file=file,
                field="prompts",
                value=prompt.name,
                remedy="Remove one of them: the same picture must not count twice.",
            )
        seen.add(prompt.name.lower())
        texts[prompt.text] = prompt.name
    return checked
