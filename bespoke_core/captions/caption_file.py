"""One caption file: its text, or what keeps it from being read and the encoding that it is likely to have."""

from __future__ import annotations

import codecs
import unicodedata
from dataclasses import dataclass
from pathlib import Path

from ..errors import InputError
from .problems import Problem

LONGEST = 1_000_000  # bytes; the longest real captions have a few thousand

_BOM = codecs.BOM_UTF8
# UTF-32's mark begins with UTF-16's, so it has to be asked first.
_MARKS = (
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_NAMES = {"utf-32": "UTF-32", "utf-16": "UTF-16", "utf-16-le": "UTF-16", "utf-16-be": "UTF-16"}
_SAY_NOTHING = "CPZ"  # first letters of Unicode's categories: control and format, punctuation, separators
_SHOWN = 40  # characters of a line that a message shows


@dataclass(frozen=True)
class CaptionText:
    """What a caption file holds.

    Attributes:
        text: the whole text without a byte-order mark, line breaks as they are (CRLF stays CRLF); None where
            the file cannot be read.
        recoded: the file's bytes are not this text in plain UTF-8: it has a byte-order mark or is in another
            encoding.
        problems: why there is no text, or that the caption in it is empty.
    """

    text: str | None
    recoded: bool = False
    problems: tuple[Problem, ...] = ()


def first_line(text: str) -> str:
    """Return the text up to its first line break; what follows is not read by training."""
    end = min((i for i in (text.find("\n"), text.find("\r")) if i >= 0), default=len(text))
    return text[:end]


def known_encoding(name: str) -> str:
    """Return Python's name of a text encoding.

    Raises:
        InputError: there is no such encoding, or it is none of text.
    """
    try:
        "".encode(name)  # refuses what is no text encoding, such as "base64"
        return codecs.lookup(name).name
    except (LookupError, ValueError):
        raise InputError(
            "is no text encoding",
            field="encoding",
            value=name,
            remedy="Use a name such as cp1252, utf-16 or shift_jis.",
        ) from None


def read_caption_file(path: Path, file: str, *, encoding: str | None = None) -> CaptionText:
    """Read one caption.

    Args:
        path: of the file.
        file: its name relative to the data set's folder, for messages.
        encoding: how files that are not UTF-8 are read; by default they are a problem.
    """
    try:
        with path.open("rb") as source:
            data = source.read(LONGEST + 1)
            size = len(data) if len(data) <= LONGEST else path.stat().st_size
    except OSError as error:
        problem = f"cannot be read ({error.strerror or type(error).__name__})"
        return _unreadable("unreadable", path, file, problem, "Check its rights.")
    if size > LONGEST:
        problem = f"is {size / 1e6:.1f} MB long, too long for a caption"
        return _unreadable("unreadable", path, file, problem, "Replace it by a caption.")
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        at = error.start + (len(_BOM) if data.startswith(_BOM) else 0)
        return _other_encoding(path, file, data, at, encoding)
    if "\0" in text:
        return _with_zeros(path, file, data, encoding)
    return CaptionText(text, data.startswith(_BOM), _emptiness(path, file, text))


def _other_encoding(path: Path, file: str, data: bytes, at: int, encoding: str | None) -> CaptionText:
    if encoding is not None:
        return _decoded_as(path, file, data, encoding)
    likely = _likely_encoding(data)
    if likely is None and b"\0" in data:
        return _binary(path, file, data)
    problem = f"is not UTF-8 at byte {at} (0x{data[at]:02x})"
    return _offer(path, file, data, likely, problem)


def _with_zeros(path: Path, file: str, data: bytes, encoding: str | None) -> CaptionText:
    """A file of valid UTF-8 with zero bytes is UTF-16 without a mark, or no text at all."""
    likely = _likely_encoding(data)
    if likely is None:
        return _binary(path, file, data)
    if encoding is not None:
        return _decoded_as(path, file, data, encoding)
    at = data.index(b"\0")
    return _offer(path, file, data, likely, f"is not UTF-8 text: byte {at} is zero")


def _decoded_as(path: Path, file: str, data: bytes, encoding: str) -> CaptionText:
    try:
        text = data.decode(encoding).removeprefix("\ufeff")
    except UnicodeError as error:
        at = getattr(error, "start", 0)
        problem = f"is neither UTF-8 nor {encoding} (at byte {at})"
        return _unreadable("not_utf8", path, file, problem, "Name its encoding, or save it as UTF-8.")
    if "\0" in text:
        return _binary(path, file, data)
    return CaptionText(text, True, _emptiness(path, file, text))


def _likely_encoding(data: bytes) -> str | None:
    """Return the encoding that bytes which are not UTF-8 text have most likely, if one can be told."""
    guesses = [name for mark, name in _MARKS if data.startswith(mark)]
    if not guesses and b"\0" in data:
        # Western text in UTF-16 has a zero in every second byte, and seldom one in the others.
        low, high = data[0::2].count(0), data[1::2].count(0)
        half = len(data) // 4
        guesses = (
            ["utf-16-le"] if high > half and not low else ["utf-16-be"] if low > half and not high else []
        )
    elif not guesses:
        guesses = ["cp1252"]
    for name in guesses:
        try:
            if "\0" not in data.decode(name):
                return name
        except UnicodeDecodeError:
            continue
    return None


def _offer(path: Path, file: str, data: bytes, likely: str | None, problem: str) -> CaptionText:
    """A file in another encoding: say how it would read, and with which option."""
    if likely is None:
        return _unreadable("not_utf8", path, file, problem, "Save the file as UTF-8.")
    line = first_line(data.decode(likely).removeprefix("\ufeff")).strip()
    shown = line if len(line) <= _SHOWN else line[: _SHOWN - 3] + "..."
    shown = "".join(letter if letter.isprintable() else "\ufffd" for letter in shown)
    name = _NAMES.get(likely, "Windows-1252")
    return _unreadable(
        "not_utf8",
        path,
        file,
        f'{problem}; as {name} it reads "{shown}"',
        f"Save the file as UTF-8, or clean with --encoding {likely}, which writes UTF-8.",
    )


def _binary(path: Path, file: str, data: bytes) -> CaptionText:
    problem = f"is a binary file (byte {data.index(0)} is zero)"
    return _unreadable("unreadable", path, file, problem, "Replace it by a caption.")


def _unreadable(kind: str, path: Path, file: str, problem: str, remedy: str) -> CaptionText:
    return CaptionText(None, False, (Problem(kind, path, problem, remedy, file),))


def _emptiness(path: Path, file: str, text: str) -> tuple[Problem, ...]:
    line = first_line(text).strip()
    if any(unicodedata.category(letter)[0] not in _SAY_NOTHING for letter in line):
        return ()
    what = "the caption's first line is empty" if text.strip() else "the caption is empty"
    if line:
        what = "the caption says nothing: there are only commas and the like"
    return (Problem("empty_caption", path, what, "Write a caption on the first line.", file),)
