"""A data set's captions, cleaned one after the other."""

from __future__ import annotations

from collections.abc import Collection, Generator, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal, NamedTuple, get_args

from ..errors import InputError
from .checks import read_caption
from .clean import STRATEGIES, CleanedCaption, clean_caption
from .dataset import Dataset, Item
from .looks import Seen, look_ahead
from .phrases import PhraseCounter
from .problems import Problem, raise_problems
from .style import DEFAULT_STYLE_PHRASES, normal_set

if TYPE_CHECKING:
    from .repair import Repair, Unrepaired

Colourless = Literal["keep", "name"]
COLOURLESS: tuple[Colourless, ...] = get_args(Colourless)

_UNREADABLE = ("not_utf8", "unreadable")


@dataclass(frozen=True)
class Rules:
    """How captions are cleaned.

    Attributes:
        strategy: as for `clean_caption`.
        colourless: "name" puts a colour's name where a feature has none, see `repair_caption`.
        style_phrases: phrases that are removed.
        skip_unreadable: leave out what cannot be read; otherwise it is an error.
    """

    strategy: str = "smart"
    colourless: str = "keep"
    style_phrases: Collection[str] = field(default=DEFAULT_STYLE_PHRASES)
    skip_unreadable: bool = False

    def check(self) -> None:
        """Refuse what does not exist or does not go together.

        Raises:
            InputError: no such strategy or treatment of colourless features, or a repair with "2025".
        """
        for name, value, choices in (
            ("strategy", self.strategy, STRATEGIES),
            ("colourless", self.colourless, COLOURLESS),
        ):
            if value not in choices:
                raise InputError(
                    "is no choice", field=name, value=value, remedy=f"Use one of: {', '.join(choices)}."
                )
        if self.strategy == "2025" and self.colourless == "name":
            raise InputError(
                "repeats the original experiment, which named no colours",
                field="strategy",
                value=self.strategy,
                remedy="Name colours with the strategy smart.",
            )


class Cleaned(NamedTuple):
    """A caption before and after.

    Attributes:
        item: which one.
        before: its text.
        recoded: its file is not this text in plain UTF-8, and will be.
        result: what cleaning made of it.
        repairs, unrepaired: what was put in for colourless features, and what was not.
    """

    item: Item
    before: str
    recoded: bool
    result: CleanedCaption
    repairs: tuple[Repair, ...] = ()
    unrepaired: tuple[Unrepaired, ...] = ()

    @property
    def changes(self) -> bool:
        """The file's bytes differ afterwards."""
        return self.recoded or self.result.text != self.before

    @property
    def content(self) -> bytes:
        """The file's bytes afterwards."""
        return self.result.text.encode("utf-8")


def clean_items(
    items: Sequence[Item], rules: Rules, *, pictures: bool
) -> Generator[Cleaned | Problem, None, None]:
    """Read and clean captions one by one; with `skip_unreadable` a problem stands for each one left out.

    Args:
        items: those with a caption file.
        rules: how.
        pictures: there are pictures, which a repair looks at.

    Raises:
        InputError: one or more captions cannot be read, all of them named; or, where colours are named, a
            picture cannot be decoded.
    """
    with closing(look_ahead(items, wanted=pictures and rules.colourless == "name")) as sights:
        for place, (item, sight) in enumerate(zip(items, sights, strict=True)):
            content = item.read()
            wrong = [problem for problem in content.problems if problem.kind in _UNREADABLE]
            if sight.problem is not None and not rules.skip_unreadable:
                wrong.append(sight.problem)
            if wrong and not rules.skip_unreadable:
                raise_problems([*wrong, *_unreadable(items[place + 1 :])])
            if content.text is None:
                yield from wrong[:1]
            else:
                yield _clean(item, content.text, content.recoded, rules, sight)


def _clean(item: Item, text: str, recoded: bool, rules: Rules, sight: Seen) -> Cleaned:
    def clean(text: str) -> CleanedCaption:
        return clean_caption(text, strategy=rules.strategy, style_phrases=rules.style_phrases)

    if rules.colourless == "keep":
        return Cleaned(item, text, recoded, clean(text))
    from .repair import repair_caption  # late: captions alone need no arrays

    repaired = repair_caption(read_caption(item.file, text), text, sight.look)
    return Cleaned(item, text, recoded, clean(repaired.text), repaired.repairs, repaired.unrepaired)


def _unreadable(items: Sequence[Item]) -> Iterator[Problem]:
    for item in items:
        yield from (problem for problem in item.read().problems if problem.kind in _UNREADABLE)


def frequent_phrases(dataset: Dataset, *, trigger: str | None, styles: Collection[str]) -> tuple[str, ...]:
    """Return the phrases that at least 80 % of a data set's captions say, the trigger's not among them.

    See `PhraseCounter`; every caption is read once for it.
    """
    counter = PhraseCounter()
    for item in dataset.captions:
        text = item.read().text
        if text is not None:
            counter.add(read_caption(item.file, text))
    return tuple(phrase.text for phrase in counter.frequent(trigger=trigger, styles=normal_set(styles)))
