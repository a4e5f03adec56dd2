"""The errors that Bespoke raises for its users: each names the file, the field, the value and the remedy."""

from __future__ import annotations

from os import PathLike, fspath

from .shown import on_one_line

_ABSENT = object()


class BespokeError(Exception):
    """Base of every error that is meant for a user to read, printed without a traceback."""


class InputError(BespokeError, ValueError):
    """Something that the user gave cannot be used.

    Args:
        problem: what is wrong, as a clause without a full stop ("is not UTF-8 at byte 17").
        remedy: what to do, as a sentence ("Save the file as UTF-8.").
        file: the file or folder at fault, if any.
        field: the option, key or column at fault, if any.
        value: the value at fault, if any; shown shortened to 120 characters.

    The command line ends with exit code 2 on it; a node shows its text, which is one line whatever names it
    holds.
    """

    def __init__(
        self,
        problem: str,
        *,
        remedy: str,
        file: str | PathLike[str] | None = None,
        field: str | None = None,
        value: object = _ABSENT,
    ) -> None:
        self.problem = problem
        self.remedy = remedy
        self.file = None if file is None else fspath(file)
        self.field = field
        self.has_value = value is not _ABSENT
        self.value = None if value is _ABSENT else value
        super().__init__(self._text())

    def _text(self) -> str:
        where = []
        if self.file is not None:
            where.append(self.file)
        if self.field is not None:
            where.append(self.field)
        if self.has_value:
            shown = repr(self.value)
            shown = shown if len(shown) <= 120 else shown[:117] + "..."
            where.append(shown)
        head = ": ".join(where)
        body = self.problem.rstrip(".") + ". " + self.remedy
        return on_one_line(f"{head}: {body}" if head else body)


class UserCancelledError(BespokeError):
    """The user stopped the work; what was finished is whole and on disk. Exit code 130."""


class UnfinishedError(BespokeError):
    """What the work ran on was lost half-way, through no fault of the input: the same command goes on.

    Exit code 3, by which a script knows that it may try again.
    """
