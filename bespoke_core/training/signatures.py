"""What an optimizer or a schedule can be given, told to people who misspelt an argument."""

from __future__ import annotations

import difflib
import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, NoReturn

from ..errors import InputError

_NONE = inspect.Parameter.empty
_LONGEST = 120  # letters of a library's own words
_ANY = (inspect.Parameter.VAR_KEYWORD, inspect.Parameter.VAR_POSITIONAL)


@dataclass(frozen=True)
class Arguments:
    """The arguments of a class or function that a user may give in one key.

    Attributes:
        owner: what people call the class or function, such as "AdamW".
        call: the class or function itself.
        key: the configuration's key, such as "optimizer_args".
        elsewhere: arguments that no user gives here, with what to do instead.
    """

    owner: str
    call: Callable[..., Any]
    key: str
    elsewhere: Mapping[str, str]

    @property
    def known(self) -> dict[str, Any]:
        """Each argument's default by name; `inspect.Parameter.empty` where it has none."""
        parameters = inspect.signature(self.call).parameters.items()
        return {
            name: one.default
            for name, one in parameters
            if one.kind not in _ANY and name not in ("self", *self.elsewhere)
        }

    def check(self, given: Mapping[str, Any]) -> None:
        """Refuse arguments that are not there; a function that takes any keyword has them all.

        Raises:
            InputError: naming the argument with its value, the nearest known one and all of them.
        """
        known = self.known
        every = any(one.kind is _ANY[0] for one in inspect.signature(self.call).parameters.values())
        for name, value in given.items():
            if name in known or (every and name not in self.elsewhere):
                continue
            near = difflib.get_close_matches(name, known, n=1)
            remedy = (f"Did you mean {near[0]}? " if near else "") + self._list()
            problem = f"{self.owner} has no argument {name}"
            if name in self.elsewhere:
                problem, remedy = f"{name} is not given here", self.elsewhere[name]
            raise InputError(problem, field=self.key, value=as_text(name, value), remedy=remedy)

    def refuse(self, error: Exception, given: Mapping[str, Any]) -> NoReturn:
        """Raise the error for values that the function broke on.

        Raises:
            InputError: always; it names the values that were given, and which there are.
        """
        if isinstance(error, InputError):
            raise error
        why = (str(error) or type(error).__name__).splitlines()[0]
        why = why if len(why) <= _LONGEST else why[:_LONGEST] + " ..."
        value = {"value": " ".join(as_text(*one) for one in given.items())} if given else {}
        raise InputError(
            f"{self.owner} refuses {'it' if given else 'to begin'} ({why})",
            field=self.key,
            remedy=f"{'Correct it or leave it out' if given else 'Give what it needs'}. {self._list()}",
            **value,
        ) from error

    def _list(self) -> str:
        known = [as_text(name, value) for name, value in self.known.items()]
        return f"{self.owner} has: {'; '.join(known)}." if known else f"{self.owner} has no arguments."


def as_text(name: str, value: Any) -> str:
    """Return name=value as kohya's lists of arguments write it; the name alone where there is no value."""
    if value is _NONE:
        return name
    if isinstance(value, (tuple, list)):
        return f"{name}={','.join(repr(one) for one in value)}"
    return f"{name}={value!r}"
