"""Sweeps with a known truth, for measuring how often the verdict errs.

The score of a picture is its checkpoint's and its prompt's mean, what its checkpoint does to this prompt in
particular, what its seed does to all pictures, and noise that is skewed as counts of colours are: a lognormal
factor. Whether a picture follows its prompt is a coin of its checkpoint's own bias.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from bespoke_core.evaluation.table import Row


@dataclass(frozen=True)
class Scenario:
    """A kind of sweep.

    Attributes:
        name: what it tries.
        means: true mean score of each checkpoint over all prompts.
        prompts: how many.
        seeds: how many for each prompt.
        prompt_spread: standard deviation of what prompts add.
        own_spread: of what a checkpoint adds to one prompt; sums to nothing over these prompts when `fixed`.
        seed_spread: of what a seed adds to the pictures of all checkpoints and prompts.
        seed_by_checkpoint: of what a seed adds to all of one checkpoint's pictures.
        noise: standard deviation of a picture's factor, in shares of its mean.
        noises: of each checkpoint, where they differ.
        missing: share of pictures without a score.
        follows: true share of each checkpoint's pictures that follow; None where it is not measured.
        fixed: whether the truth is about these prompts; else about all that they are drawn from.
        settings: with how many guidance scales each prompt and seed is drawn.
        shared: share of a picture's noise (of its variance) that its other settings have too.
    """

    name: str
    means: tuple[float, ...]
    prompts: int = 8
    seeds: int = 3
    prompt_spread: float = 50.0
    own_spread: float = 15.0
    seed_spread: float = 15.0
    seed_by_checkpoint: float = 0.0
    noise: float = 0.2
    noises: tuple[float, ...] | None = None
    missing: float = 0.0
    follows: tuple[float, ...] | None = None
    fixed: bool = True
    settings: int = 1
    shared: float = 0.9


@dataclass(frozen=True)
class Sweep:
    """One sweep drawn from a scenario.

    Attributes:
        rows: what the verdict gets to see.
        best: names of the truly best checkpoints among those that truly follow.
        here: true mean of each checkpoint over these prompts.
        everywhere: true mean of each over all prompts, with this seed where there is but one.
    """

    rows: list[Row]
    best: frozenset[str]
    here: dict[str, float]
    everywhere: dict[str, float]


class Source:
    """Draws pictures of one sweep: the prompts stay, seeds can be added."""

    def __init__(self, scenario: Scenario, rng: np.random.Generator) -> None:
        self.scenario = scenario
        self.rng = rng
        count = len(scenario.means)
        own = rng.normal(0, scenario.own_spread, (count, scenario.prompts))
        if scenario.fixed:
            own -= own.mean(axis=1, keepdims=True)
        prompts = rng.normal(0, scenario.prompt_spread, scenario.prompts)
        self.cells = np.array(scenario.means)[:, None] + prompts + own
        self.names = [f"e{index + 1}" for index in range(count)]
        self.next_seed = 0

    def draw(self, seeds: int) -> list[Row]:
        """Return the rows of so many new seeds."""
        s, rng = self.scenario, self.rng
        shape = (len(s.means), s.prompts, seeds)
        spread = np.array(s.noises if s.noises is not None else [s.noise] * len(s.means))[:, None, None]
        sigma = np.sqrt(np.log1p(spread**2))
        shifts = rng.normal(0, s.seed_spread, (1, 1, seeds))
        by_checkpoint = rng.normal(0, s.seed_by_checkpoint, (len(s.means), 1, seeds))
        self.shift = float(shifts.mean())
        bias = np.array(s.follows if s.follows is not None else [1.0] * len(s.means))[:, None, None]
        common = rng.normal(size=shape)
        rows = []
        for setting in range(s.settings):
            factors = common
            if s.settings > 1:
                factors = np.sqrt(s.shared) * common + np.sqrt(1 - s.shared) * rng.normal(size=shape)
            scores = self.cells[:, :, None] * np.exp(sigma * factors - sigma**2 / 2) + shifts + by_checkpoint
            gone = rng.random(shape) < s.missing
            yes = rng.random(shape) < bias
            for c, p, k in np.ndindex(*shape):
                values: dict[str, float | str | None] = {"unique_colors": round(float(scores[c, p, k]))}
                if gone[c, p, k]:
                    values["unique_colors"] = None
                if s.follows is not None:
                    values["background_match"] = "yes" if yes[c, p, k] else "no"
                if s.settings > 1:
                    values["cfg"] = 6.0 + setting
                rows.append(Row(self.names[c], c + 1, f"p{p}", self.next_seed + k, values))
        self.next_seed += seeds
        return rows

    def sweep(self) -> Sweep:
        """Return a sweep of the scenario's size with its truth."""
        s = self.scenario
        here = dict(zip(self.names, self.cells.mean(axis=1).tolist(), strict=True))
        everywhere = dict(zip(self.names, s.means, strict=True))
        may_win = [
            name
            for index, name in enumerate(self.names)
            if s.follows is None or s.follows[index] >= 0.5 or max(s.follows) < 0.5
        ]
        truth = here if s.fixed else everywhere
        least = min(truth[name] for name in may_win)
        best = frozenset(name for name in may_win if truth[name] <= least + 1e-6)
        rows = self.draw(s.seeds)
        if s.seeds == 1:  # nothing can tell what the only seed does to all pictures
            everywhere = {name: mean + self.shift for name, mean in everywhere.items()}
        return Sweep(rows, best, here, everywhere)


def _level(count: int, *first: float, rest: float = 260.0) -> tuple[float, ...]:
    return (*first, *[rest] * (count - len(first)))


SCENARIOS = (
    Scenario("all equal, 2 checkpoints, 4 prompts x 2 seeds", _level(2), prompts=4, seeds=2),
    Scenario("all equal, 3 checkpoints, 8 x 3", _level(3)),
    Scenario("all equal, 10 checkpoints, 7 x 1 (the experiment)", _level(10), prompts=7, seeds=1),
    Scenario("all equal, 20 checkpoints, 16 x 4", _level(20), prompts=16, seeds=4),
    Scenario("all equal, 5 checkpoints, 1 prompt x 10 seeds", _level(5), prompts=1, seeds=10),
    Scenario("two equal best, eight far behind, 8 x 3", _level(10, 200, 200)),
    Scenario("two equal best, 16 prompts x 1 seed", _level(6, 200, 200), prompts=16, seeds=1),
    Scenario("near tie (1 %), eight far behind, 8 x 4", _level(10, 200, 202), seeds=4),
    Scenario("near tie (2 %), 2 checkpoints, 4 x 10", _level(2, 200, 204), prompts=4, seeds=10),
    Scenario("two equal best, noise 50 %", _level(6, 200, 200, rest=300), noise=0.5),
    Scenario(
        "two equal best, noise 15 and 60 %", _level(2, 200, 200), noises=(0.15, 0.6), prompts=8, seeds=2
    ),
    Scenario("two equal best, each good at other prompts", _level(6, 200, 200), own_spread=50),
    Scenario("near tie (1 %), 15 % of the pictures missing", _level(6, 200, 202), missing=0.15),
    Scenario("two equal best, seeds that suit a checkpoint", _level(6, 200, 200), seed_by_checkpoint=12),
    Scenario(
        "two equal best, seeds that strongly suit a checkpoint, 16 x 3",
        (200.0, 200.0, 260.0),
        prompts=16,
        seed_by_checkpoint=12,
    ),
    Scenario("a study: two equal best, 4 guidance scales, 8 x 1", _level(4, 200, 200), seeds=1, settings=4),
    Scenario(
        "a study: all equal, 3 guidance scales, 4 x 2, 20 % missing",
        _level(4),
        prompts=4,
        seeds=2,
        settings=3,
        missing=0.2,
    ),
    Scenario("a study: 20 % better, 4 guidance scales, 8 x 3", _level(4, 208), settings=4),
    Scenario(
        "the lowest follows in 40 %, the best in 90 %", _level(5, 150, 200), follows=(0.4, 0.9, 0.9, 0.9, 0.9)
    ),
    Scenario(
        "the best follows in 55 %, a worse one in 95 %", _level(3, 200, 240), follows=(0.55, 0.95, 0.95)
    ),
    Scenario("the lowest follows in 49 %", _level(4, 150, 200), follows=(0.49, 0.9, 0.9, 0.9)),
    Scenario("5 % better, 10 checkpoints, 8 x 3", _level(10, 247)),
    Scenario("10 % better, 10 checkpoints, 8 x 3", _level(10, 234)),
    Scenario("20 % better, 10 checkpoints, 8 x 3", _level(10, 208)),
    Scenario("20 % better, 10 checkpoints, 8 x 1", _level(10, 208), seeds=1),
    Scenario("20 % better, 10 checkpoints, 16 x 1", _level(10, 208), prompts=16, seeds=1),
    Scenario("10 % better, 10 checkpoints, 16 x 10", _level(10, 234), prompts=16, seeds=10),
    Scenario("30 % better, 5 checkpoints, 2 x 2", _level(5, 182), prompts=2, seeds=2),
)
