"""Which epoch is the best so far, and whether to go on: decided from the stored scores alone.

The same history and settings give the same decision, so a run that was killed anywhere decides as if it had
not been.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from ..evaluation.stopping import should_stop
from ..evaluation.table import Row
from ..evaluation.verdict import HIGHER_IS_BETTER
from ..training.judge import Best
from ..training.keys.judging import HELD_OUT_LOSS
from .history import JudgedEpoch, mean_score


@dataclass(frozen=True)
class StoppingRule:
    """The keys early_stopping_metric, early_stopping_patience, early_stopping_threshold, early_stopping_rule.

    Attributes:
        metric: "held_out_loss" or the name of a score.
        patience: judged epochs without improvement after which to stop; 0 never stops.
        threshold: an improvement must be larger than this for the patience to count anew.
        proof: the pictures must prove, too, that going on is of no use, as `evaluation.stopping` asks it of
            a sweep; for a score alone.
    """

    metric: str
    patience: int = 0
    threshold: float = 0.0
    proof: bool = False


@dataclass(frozen=True)
class Decision:
    """What the history says.

    Attributes:
        best: the best epoch, None while no epoch with a file was measured and follows its prompts.
        waited: judged epochs since the last improvement that counts.
        stop: the patience is at its end.
        reason: for stopping, as a sentence; empty where it goes on.
    """

    best: Best | None
    waited: int
    stop: bool
    reason: str


def value_of(epoch: JudgedEpoch, metric: str) -> float | None:
    """Return the metric of an epoch, None where it was not measured."""
    value = epoch.held_out_loss if metric == HELD_OUT_LOSS else mean_score(epoch.pictures, metric)
    return value if value is not None and math.isfinite(value) else None


def decide(history: Sequence[JudgedEpoch], rule: StoppingRule) -> Decision:
    """Go through the judged epochs in order.

    As in a sweep's verdict the prompts come first: an epoch whose pictures do not follow them cannot be the
    best, however few its colours, and counts as no improvement. Until one follows there is nothing to wait
    for. An epoch without a file, or in which the metric was not measured, is passed over. A score is compared
    only among epochs that drew the same prompts as the last one.

    patience and threshold are those of the EarlyStoppingCallback in Hugging Face's transformers: each epoch
    is compared with the best one before it, and any improvement makes it the new best. With `proof` the
    patience is not enough: the same question is asked as of a sweep.
    """
    sign = -1.0 if rule.metric in HIGHER_IS_BETTER else 1.0
    key = history[-1].samples_key if history else ""
    best: Best | None = None
    waited = 0
    for one in history:
        value = value_of(one, rule.metric)
        value = None if value is None else round(value, 9)  # sums may differ in the last bit
        same = rule.metric == HELD_OUT_LOSS or one.samples_key == key
        if value is None or one.file is None or not same:
            continue
        follows = one.following.follows is not False
        gain = math.inf if best is None else sign * (best.value - value)
        if best is None and not follows:
            continue
        waited = 0 if follows and gain > rule.threshold else waited + 1
        if follows and gain > 0:
            best = Best(one.file, one.epoch, rule.metric, value)
    if best is None or not rule.patience or waited < rule.patience:
        return Decision(best, waited, False, "")
    if not rule.proof:
        return Decision(best, waited, True, _reason(rule, best, waited))
    advice = should_stop(_rows(history, key), by=rule.metric, patience=rule.patience)
    return Decision(best, waited, advice.stop, advice.reason if advice.stop else "")


def _rows(history: Sequence[JudgedEpoch], key: str) -> list[Row]:
    """Return the pictures of the epochs that drew the prompts of `key`, as a sweep's table has them."""
    return [
        Row(
            Path(one.file).stem,
            one.epoch,
            picture.prompt,
            picture.seed,
            {
                **picture.scores,
                "cfg": picture.cfg,
                "steps": picture.steps,
                "sampler_name": picture.sampler,
                "negative_prompt": picture.negative,
                "width": picture.width,
                "height": picture.height,
            },
        )
        for one in history
        if one.file is not None and one.samples_key == key
        for picture in one.pictures
        if picture.scores is not None
    ]


def _reason(rule: StoppingRule, best: Best, waited: int) -> str:
    times = "once" if waited == 1 else f"{waited} times in a row"
    by = f" by more than {rule.threshold:g}" if rule.threshold else ""
    return (
        f"{rule.metric} was judged {times} without getting better{by} than in epoch {best.epoch} "
        f"({best.value:.6g}): {best.file} is the best epoch."
    )
