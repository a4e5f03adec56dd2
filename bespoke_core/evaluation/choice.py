"""The best value of each setting that a sweep varies, and how sure that is."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

from .grid import name_on_axis
from .ranking import Ranked, finite
from .table import Row, Value
from .verdict import Verdict, decide
from .verdict_text import listed
from .why import why_not

AXES: tuple[tuple[str, str, tuple[str, ...]], ...] = (
    ("strength", "LoRA strength", ("strength_model", "strength_clip")),
    ("cfg", "guidance (cfg)", ("cfg",)),
    ("negative_prompt", "negative prompt", ("negative_prompt",)),
    ("sampler_name", "sampler", ("sampler_name",)),
    ("scheduler", "scheduler", ("scheduler",)),
    ("steps", "steps", ("steps",)),
    ("size", "size", ("width", "height")),
)
"""What is chosen: its name, what people call it, the settings that make it up."""

DECIDED, TIE, OPEN, ONLY, UNMEASURED = "decided", "tie", "not sure", "one value", "not measured"


@dataclass(frozen=True)
class Tried:
    """One value of a setting that was compared.

    Attributes:
        label: the value as people write it.
        mean: of the score; None where it was not measured.
        low: end of its 95 % interval, None with one picture.
        high: likewise.
        n: pictures.
        follows: whether its pictures follow their prompts: yes, no, or None where that was not measured.
        answers: clear answers yes, and clear answers in all.
        mark: ``chosen``, ``tied`` or empty.
        why: why it was chosen or not, in a few words.
    """

    label: str
    mean: float | None
    low: float | None
    high: float | None
    n: int
    follows: bool | None
    answers: tuple[int, int]
    mark: str
    why: str

    @property
    def follows_word(self) -> str:
        """Whether its pictures follow their prompts, in words."""
        if self.follows is None:
            return "not measured"
        yes, answers = self.answers
        word = "yes" if self.follows else "no"
        return f"{word} ({yes} of {answers})" if answers else word


@dataclass(frozen=True)
class Choice:
    """What to use of one setting.

    Attributes:
        name: of the setting, or ``size`` and ``strength`` for two that go together.
        title: what people call it.
        values: to use, by the settings' names.
        label: the same as people write it.
        state: ``decided``: better than every other value beyond chance; ``tie``: another may be as good;
            ``not sure`` for another reason; ``one value``: nothing was compared; ``not measured``.
        sentence: how sure that is, in words.
        tried: every value that was compared, best first.
        notes: what the comparison could not take into account.
    """

    name: str
    title: str
    values: Mapping[str, Value]
    label: str
    state: str
    sentence: str
    tried: tuple[Tried, ...] = ()
    notes: tuple[str, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """Return the JSON form."""
        return asdict(replace(self, values=dict(self.values)))


def choose_settings(
    rows: Sequence[Row], drawn: Mapping[str, Sequence[Any]], *, by: str, seed: int = 0
) -> tuple[Choice, ...]:
    """Choose among the values of each setting, over the same prompts, seeds and other settings.

    Args:
        rows: of one checkpoint.
        drawn: the values of each setting as the plan names them; a setting that is not known is absent.
        by: the score that decides.
        seed: of the resampling.
    """
    choices = []
    for name, title, columns in AXES:
        found = _values_of(rows, columns, drawn)
        if len(found) > 1:
            choices.append(_compared(rows, name, title, columns, by, seed))
        elif found:
            words = "the only one that was drawn"
            choices.append(_choice(name, title, columns, found[0], ONLY, words))
    return tuple(choices)


def label_of(columns: Sequence[str], values: Sequence[Value]) -> str:
    """Return a value of a setting as people write it."""
    if columns[0] == "negative_prompt":
        return str(values[0]) if values[0] else "none"
    texts = [f"{value:g}" if isinstance(value, (int, float)) else str(value) for value in values]
    if columns[0] == "width":
        return "x".join(texts)
    if len(set(texts)) == 1:
        return texts[0]
    return f"{texts[0]} on the UNet, {texts[1]} on the text encoder"


def _values_of(
    rows: Sequence[Row], columns: Sequence[str], drawn: Mapping[str, Sequence[Any]]
) -> list[tuple[Value, ...]]:
    """Return the combinations of some columns that the rows hold, or what the plan tells of them."""
    fixed = [drawn[name][0] if len(drawn.get(name, ())) == 1 else None for name in columns]
    found = dict.fromkeys(
        tuple(row.scores.get(name, one) for name, one in zip(columns, fixed, strict=True)) for row in rows
    )
    if columns[0] != "negative_prompt":
        return [values for values in found if None not in values]
    known = any("negative_prompt" in row.scores for row in rows) or "negative_prompt" in drawn
    return list(dict.fromkeys((values[0] or "",) for values in found)) if known else []


def _compared(
    rows: Sequence[Row], name: str, title: str, columns: tuple[str, ...], by: str, seed: int
) -> Choice:
    """Judge the values of one setting; of two that go together each pair is one value."""
    axis = columns[0]
    values_of: dict[str, tuple[Value, ...]] = {}
    judged = []
    for row in rows:
        scores = {key: value for key, value in row.scores.items() if key not in columns}
        found = tuple(row.scores.get(column) for column in columns)
        values = (found[0] or "",) if axis == "negative_prompt" else found
        if None in values:
            continue
        one = replace(row, scores={**scores, axis: label_of(columns, values)})
        values_of.setdefault(name_on_axis(one, axis), values)
        judged.append(one)
    verdict = decide(judged, by=by, over=axis, seed=seed)
    winner = verdict.winner
    if winner is None:
        words = (
            f"{listed([label_of(columns, one) for one in values_of.values()])} were drawn, none has a score"
        )
        return _choice(name, title, columns, next(iter(values_of.values())), UNMEASURED, words)
    labels = {place: label_of(columns, values) for place, values in values_of.items()}
    best = values_of[winner.checkpoint]
    choice = _choice(name, title, columns, best, _state(verdict), _sentence(verdict, winner, labels))
    return replace(choice, tried=_tried(verdict, labels), notes=verdict.not_measured)


def _choice(
    name: str, title: str, columns: Sequence[str], values: tuple[Value, ...], state: str, sentence: str
) -> Choice:
    named = dict(zip(columns, values, strict=True))
    return Choice(name, title, named, label_of(columns, values), state, sentence)


def _state(verdict: Verdict) -> str:
    if verdict.clear:
        return DECIDED
    return TIE if verdict.tied_with_best else OPEN


def _sentence(verdict: Verdict, winner: Ranked, labels: Mapping[str, str]) -> str:
    """Return how sure the choice is; the values under the names that people give them."""
    if winner.following.follows is False:
        return "no value makes pictures that follow their prompts; this is the least bad"
    if winner.following.asked_in_vain:
        return "the best score, but no picture clearly shows what its prompt asks for"
    others = [labels[place.checkpoint] for place in verdict.ranking if place is not winner]
    if verdict.clear:
        about = "" if verdict.for_new_prompts else ", for these prompts"
        if verdict.only_seed is not None:
            about += f", with seed {verdict.only_seed} alone"
        return f"better than {listed(others)} beyond chance{about}"
    tied = [labels[name] for name in verdict.tied_with_best]
    if tied:
        seeds = max((c.more_seeds or 0 for c in verdict.comparisons if c.tied), default=0)
        known = all(c.more_seeds is not None for c in verdict.comparisons if c.tied)
        told = f"; about {seeds} more seed{'s' * (seeds != 1)} would tell" if known and seeds <= 200 else ""
        return f"perhaps as good: {listed(tied)}{told}"
    if verdict.doubtful:
        names = [labels[name] for name in verdict.doubtful]
        return f"too few pictures or clear answers to rule out {listed(names)}"
    return "too few clear answers show that its pictures follow the prompts"


def _tried(verdict: Verdict, labels: Mapping[str, str]) -> tuple[Tried, ...]:
    tied, lines = set(verdict.tied_with_best), []
    for place in verdict.ranking:
        interval, following = place.interval, place.following
        mark = "chosen" if place.checkpoint == verdict.best else "tied" if place.checkpoint in tied else ""
        one = Tried(
            labels[place.checkpoint],
            finite(interval.mean),
            finite(interval.low) if interval.n > 1 else None,
            finite(interval.high) if interval.n > 1 else None,
            interval.n,
            following.follows,
            (following.yes, following.yes + following.no),
            mark,
            why_not(verdict, place),
        )
        lines.append(one)
    return tuple(lines)
