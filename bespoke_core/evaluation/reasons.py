"""Why a verdict is what it is, in words."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from ..amounts import counted, score_text, span_text
from .comparing import ALIKE, LEAST_ALIKE
from .control_reasons import base_reasons, baseline_reasons
from .following import FOLLOW_RULE
from .ranking import Ranked
from .statistics import least_pairs
from .table import Row
from .verdict_text import LISTED, label_of, listed, noun, score_name, sentence, superlative
from .why import MOST_SEEDS

if TYPE_CHECKING:
    from .comparing import Comparison
    from .verdict import Verdict


def reasons(verdict: Verdict, rows: Sequence[Row]) -> tuple[str, ...]:
    """Return why the verdict is what it is, the most important first.

    Args:
        verdict: complete but for its words.
        rows: that it was made from.
    """
    best = verdict.winner
    if best is None:
        return (f"No {noun(verdict)} was measured, so none can be recommended.",)
    found = [*_following_reasons(verdict, best), _mean_reason(verdict, best), *_tie_reasons(verdict, best)]
    found += [*_same_file_reasons(rows), *_doubt_reasons(verdict, best), *_floor_reasons(verdict, best)]
    scored = {row.prompt for row in rows if not row.is_base and row.number(verdict.by) is not None}
    choices = [
        f"{name}: {label_of(verdict, choice) if name in scored else 'no score'}"
        for name, choice in verdict.best_per_prompt.items()
    ]
    if len(choices) > 1 and len(verdict.ranking) > 1:
        more = f"; {counted(len(choices) - LISTED, 'more prompt')}" if len(choices) > LISTED else ""
        mean = f"{superlative(verdict).capitalize()} mean on each prompt (not tested, chance may explain it)"
        found.append(f"{mean}: {'; '.join(choices[:LISTED])}{more}.")
    found += [*baseline_reasons(verdict, best), *base_reasons(verdict, best)]
    own = [n for row in rows if row.checkpoint == best.checkpoint and (n := row.number("excess_colors"))]
    if own and sum(value < 0 for value in own) * 2 > best.interval.n:
        found.append(
            f"Warning: most pictures of {best.label} have fewer colours than the training set's pictures. "
            "Look at them: they may be too plain."
        )
    if best.following.bleeding:
        pictures = counted(best.following.bleeding, "picture")
        found.append(f"In {pictures} of {best.label} two features that should differ have the same colour.")
    return tuple(found)


def _same_file_reasons(rows: Sequence[Row]) -> list[str]:
    """Name the checkpoints that are one file: they tie with each other whatever is drawn."""
    files: dict[str, dict[str, None]] = {}
    for row in rows:
        if sha256 := row.scores.get("checkpoint_sha256"):
            files.setdefault(str(sha256), {})[row.checkpoint] = None
    return [
        f"{listed(list(names))} are the same file under several names, so that no picture tells them apart."
        for names in files.values()
        if len(names) > 1
    ]


def _following_reasons(verdict: Verdict, best: Ranked) -> list[str]:
    measured = [place for place in verdict.ranking if place.following.follows is not None]
    if not measured:
        if any(place.following.asked_in_vain for place in verdict.ranking):
            return [
                "No picture gives a clear answer to whether it follows its prompt: only the score decides, "
                "and it may reward a picture that shows nothing of what was asked for. Look at the pictures."
            ]
        return ["Whether the pictures follow the prompts was not measured: only the score decides."]
    refused = [place for place in measured if place.following.follows is False]
    if best.following.follows is False:
        count = "The one" if len(measured) == 1 else f"None of the {len(measured)}"
        verb = "does not follow" if len(measured) == 1 else "follows"
        return [
            f"{count} {noun(verdict)}{'' if len(measured) == 1 else 's'} {verb} its prompts. {FOLLOW_RULE}"
        ]
    lines = []
    if best.following.share is not None:
        few = "" if best.following.sure else " That is too few to be sure of."
        lines.append(
            f"{sentence(best.label)} follows the prompts: {best.following.yes} of "
            f"{best.following.yes + best.following.no} clear answers are yes.{few}"
        )
        sure = verdict.best_sure_to_follow
        if sure is not None and not best.following.sure:
            lines.append(f"The best that surely follows them is {label_of(verdict, sure)}.")
    if refused:
        lines.append(
            f"Not following the prompts, and so out of the running: {listed([p.label for p in refused])}."
        )
        better = [p for p in refused if _beats(verdict, p, best)]
        if better:
            lines.append(
                f"{sentence(listed([p.label for p in better]))} would have the better mean, but with "
                "pictures that do not show what was asked for."
            )
    return lines


def _mean_reason(verdict: Verdict, best: Ranked) -> str:
    interval, told = best.interval, sentence(best.label)
    span = (
        ", without any spread"
        if interval.spreadless
        else f", 95 % interval {span_text(interval.low, interval.high)}"
    )
    measured = f"{score_text(interval.mean)} over {counted(interval.n, 'picture')}"
    measured += span if interval.n > 1 else ""
    if len(verdict.ranking) == 1:
        return f"{told} has this mean of {score_name(verdict.by)}: {measured}."
    among = (
        f"the {superlative(verdict)} mean of {score_name(verdict.by)} among the {noun(verdict)}s that may win"
    )
    rivals = [verdict.place(c.checkpoint) for c in verdict.comparisons]
    if any(_beats(verdict, rival, best) for rival in rivals):
        mean = score_text(best.adjusted)
        return f"{told} would have {among} if no picture were missing: {mean}. Measured: {measured}."
    return f"{told} has {among}: {measured}."


def _tie_reasons(verdict: Verdict, best: Ranked) -> list[str]:
    comparisons = verdict.comparisons
    tied = [c for c in comparisons if c.tied]
    if not comparisons:
        return []
    if not tied:
        return [
            f"Paired tests separate {best.label} from {_rivals(len(comparisons))} (5 %, corrected); "
            f"this holds for {_scope(verdict)}."
        ]
    labels = listed([label_of(verdict, c.checkpoint) for c in tied])
    lines = [f"Statistically tied with {best.label}: {labels}. Chance alone may explain the difference."]
    most = max(c.pairs for c in comparisons)
    least = least_pairs(len(comparisons))
    if most < least:
        lines.append(
            f"With {counted(most, 'common picture')} for each pair and {_rivals(len(comparisons))} no "
            f"difference, however large, could be proved; it takes at least {least} pictures."
        )
    return [*lines, _seeds_reason(verdict, best, tied)]


def _scope(verdict: Verdict) -> str:
    if verdict.only_seed is not None:
        prompts = "these prompts and others of their kind" if verdict.for_new_prompts else "these prompts"
        return f"{prompts}, drawn with seed {verdict.only_seed}; other seeds may say otherwise"
    if verdict.for_new_prompts:
        return "these prompts and for others of their kind"
    return "these prompts, drawn with other seeds"


def _seeds_reason(verdict: Verdict, best: Ranked, tied: Sequence[Comparison]) -> str:
    nearest = min(tied, key=lambda c: (c.more_seeds is not None, -(c.more_seeds or 0)))
    for_all = [c.more_seeds for c in tied]
    labels = listed([label_of(verdict, c.checkpoint) for c in tied])
    if any(seeds is None for seeds in for_all):
        return f"How many more seeds would tell {labels} apart cannot be estimated from these pictures."
    most = max(seeds for seeds in for_all if seeds is not None)
    if most > MOST_SEEDS:
        hard = [c for c in tied if (c.more_seeds or 0) > MOST_SEEDS]
        same = listed([label_of(verdict, c.checkpoint) for c in hard])
        line = (
            f"To tell {best.label} from {same} would take more than {MOST_SEEDS} more seeds for each prompt"
        )
        least = min(c.pairs for c in hard)
        if all(c.alike for c in hard):
            return (
                f"{line}: for all that matters they are equally good (less than {100 * ALIKE:.0f} % apart, "
                "with 95 % confidence)."
            )
        if least < LEAST_ALIKE:
            pictures = counted(least, "common picture is", "common pictures are")
            return f"{line}, by a rough estimate; {pictures} too few to tell whether they are equally good."
        return f"{line}, by a rough estimate; that they are equally good is not shown either."
    seeds = counted(most, "more seed")
    return (
        f"To tell {best.label} from {label_of(verdict, nearest.checkpoint)}, add about {seeds} for each "
        "prompt (a rough estimate)."
    )


def _doubt_reasons(verdict: Verdict, best: Ranked) -> list[str]:
    if not verdict.doubtful or best.following.follows is False:
        return []
    lines = []
    few = [p for p in map(verdict.place, verdict.doubtful) if p.following.follows is not False]
    if few:
        lines.append(f"Too few pictures to judge, and so not chosen: {listed([p.label for p in few])}.")
    unsure = [p for p in map(verdict.place, verdict.doubtful) if p.following.follows is False]
    if unsure:
        verb = "does" if len(unsure) == 1 else "do"
        lines.append(
            f"Whether {listed([p.label for p in unsure])} really {verb} not follow the prompts is not sure: "
            "there are too few clear answers. More seeds would show it."
        )
    return lines


def _floor_reasons(verdict: Verdict, best: Ranked) -> list[str]:
    if verdict.floor is None:
        return []
    under = [place.label for place in verdict.ranking if place.interval.mean <= verdict.floor]
    line = f"True art has {counted(verdict.floor, 'colour')} after one trip through the model's VAE"
    if not under:
        return [f"{line}; all {noun(verdict)}s lie above that."]
    if len(under) == len(verdict.ranking):
        whose = f"all {noun(verdict)}s lie" if len(under) > 1 else f"{under[0]} lies"
        return [f"{line}: {whose} at or under that, where the count says nothing about the LoRA."]
    verb = "lies" if len(under) == 1 else "lie"
    return [
        f"{line}: {listed(under)} {verb} at or under that, where the count says nothing about the LoRA any "
        "more."
    ]


def _rivals(count: int) -> str:
    return "1 rival" if count == 1 else f"{count} rivals"


def _beats(verdict: Verdict, one: Ranked, other: Ranked) -> bool:
    difference = one.interval.mean - other.interval.mean
    return difference < 0 if verdict.lower_is_better else difference > 0
