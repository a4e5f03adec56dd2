"""How often the verdict errs: many simulated sweeps with a known best, judged by the real `decide`.

    python benchmarks/verdict_calibration.py                 # all scenarios, 1000 sweeps each: half an hour
    python benchmarks/verdict_calibration.py --sweeps 200    # rougher
    python benchmarks/verdict_calibration.py --only winner   # or prompts, base, earlier, seeds, course, stop

Beside the verdict stands the rival that people use: take the checkpoint with the lowest mean, call it best.
"""

from __future__ import annotations

import argparse
import sys
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

sys.path.append(str(Path(__file__).resolve().parents[1]))

import numpy as np
from course_simulation import course_table, stop_table
from sweep_simulation import SCENARIOS, Scenario, Source, Sweep

from bespoke_core.evaluation.statistics import ALPHA
from bespoke_core.evaluation.verdict import Verdict, decide


@dataclass(frozen=True)
class Rates:
    """What became of a scenario's sweeps, as shares of them.

    Attributes:
        wrong: a clear winner was declared that is not the only best one.
        right: a clear winner was declared that is.
        kept: a truly best checkpoint is the chosen one or among those that may be as good.
        covered: 95 % intervals that hold the true mean, of all intervals.
        lowest: the lowest mean is a truly best checkpoint's.
        sweeps: how many.
    """

    wrong: float
    right: float
    kept: float
    covered: float
    lowest: float
    sweeps: int


def measure(scenario: Scenario, sweeps: int, *, seed: int = 0) -> Rates:
    """Draw and judge so many sweeps of a scenario."""
    wrong = right = kept = covered = intervals = lowest = 0
    for sweep in draw(scenario, sweeps, seed):
        verdict = decide(sweep.rows)
        alone = len(sweep.best) == 1 and verdict.best in sweep.best
        wrong += verdict.clear and not alone
        right += verdict.clear and alone
        may_be = {verdict.best, *verdict.tied_with_best, *verdict.doubtful, verdict.best_sure_to_follow}
        kept += bool(sweep.best & may_be)
        lowest += min(verdict.ranking, key=lambda place: place.interval.mean).checkpoint in sweep.best
        held = [_holds(verdict, sweep, name) for name in sweep.here]
        covered += sum(held)
        intervals += len(held)
    return Rates(wrong / sweeps, right / sweeps, kept / sweeps, covered / intervals, lowest / sweeps, sweeps)


def draw(scenario: Scenario, sweeps: int, seed: int) -> Iterator[Sweep]:
    """Yield sweeps of a scenario, the same for the same seed."""
    rng = np.random.default_rng([seed, zlib.crc32(scenario.name.encode())])
    for _ in range(sweeps):
        yield Source(scenario, rng).sweep()


def _holds(verdict: Verdict, sweep: Sweep, name: str) -> bool:
    interval = verdict.place(name).interval
    truth = sweep.here if interval.these_prompts else sweep.everywhere
    return interval.low <= truth[name] <= interval.high


def seeds_rates(sweeps: int, *, seed: int = 0) -> list[tuple[str, int, float, float, float]]:
    """Return how often the advised number of more seeds decides.

    Returns:
        For each scenario: its name, undecided sweeps, the median of the advised seeds, the share that is
        decided after so many more, and the share decided after half of them.
    """
    found = []
    for better, spread in ((10, 0.2), (15, 0.2), (20, 0.2), (15, 0.3)):
        name = f"{better} % better, 2 checkpoints, 6 prompts x 2 seeds, noise {100 * spread:.0f} %"
        scenario = Scenario(name, (260.0, 260.0 * (1 - better / 100)), prompts=6, seeds=2, noise=spread)
        rng = np.random.default_rng([seed, better, int(100 * spread)])
        advised, after, half = [], 0, 0
        for _ in range(sweeps):
            source = Source(scenario, rng)
            rows = source.sweep().rows
            verdict = decide(rows)
            more = verdict.comparisons[0].more_seeds
            if verdict.clear or more is None or more > 200:
                continue
            advised.append(more)
            added = source.draw(more)
            early = {row.seed for row in added[: max(1, more // 2)]}
            half += decide([*rows, *(row for row in added if row.seed in early)]).clear
            after += decide([*rows, *added]).clear
        count = max(1, len(advised))
        found.append((name, len(advised), float(np.median(advised)), after / count, half / count))
    return found


def winner_table(sweeps: int) -> None:
    """Print how often a clear winner is declared, rightly and wrongly."""
    print(
        "| sweeps | wrong winner % | right winner % | best among those named % | intervals hold % "
        "| lowest mean is best % |"
    )
    print("|---|---:|---:|---:|---:|---:|")
    worst = 0.0
    for scenario in SCENARIOS:
        rates = measure(scenario, sweeps)
        worst = max(worst, rates.wrong)
        shown = (rates.wrong, rates.right, rates.kept, rates.covered, rates.lowest)
        print(f"| {scenario.name} | " + " | ".join(f"{100 * rate:.1f}" for rate in shown) + " |", flush=True)
    print(f"\nA wrong winner in the worst scenario: {100 * worst:.1f} % ({sweeps} sweeps each).")


def prompts_table(sweeps: int) -> None:
    """Print how often a claim about other prompts is wrong, where checkpoints suit prompts differently."""
    print("\n| sweeps, truth about all prompts | wrong for these and others % | claimed for others % |")
    print("|---|---:|---:|")
    for prompts, seeds, own in ((8, 3, 40.0), (16, 1, 40.0), (16, 4, 20.0)):
        scenario = Scenario(
            f"two equal best, {prompts} prompts x {seeds} seeds, own prompts {own:.0f}",
            (200.0, 200.0),
            prompts=prompts,
            seeds=seeds,
            own_spread=own,
            fixed=False,
        )
        claims = sum(decide(sweep.rows).for_new_prompts for sweep in draw(scenario, sweeps, 0))
        better = replace(scenario, name=f"{scenario.name}, better", means=(160.0, 200.0))
        right = sum(decide(sweep.rows).for_new_prompts for sweep in draw(better, sweeps, 0))
        print(f"| {scenario.name} | {100 * claims / sweeps:.1f} | {100 * right / sweeps:.1f} (20 % better) |")


def base_rates(scenario: Scenario, sweeps: int) -> tuple[float, float]:
    """Return how often the chosen one is called better, and worse, than the base model.

    The scenario's first line is the base model.
    """
    better = worse = 0
    for sweep in draw(scenario, sweeps, 0):
        rows = [
            replace(row, checkpoint="base", epoch=None) if row.checkpoint == "e1" else row
            for row in sweep.rows
        ]
        found = decide(rows).base_comparison
        better += found is not None and found.better
        worse += found is not None and found.worse
    return better / sweeps, worse / sweeps


def base_table(sweeps: int) -> None:
    """Print how often a checkpoint is called better than the base model, wrongly where all are equal."""
    print("\n| sweeps, with the base model | called better % | called worse % |")
    print("|---|---:|---:|")
    for means, prompts, seeds in (
        ((260.0,) * 11, 8, 3),
        ((260.0,) * 4, 16, 1),
        ((260.0,) * 2, 6, 1),
        ((300.0, *(260.0,) * 10), 8, 3),
        ((240.0, *(260.0,) * 10), 8, 3),
    ):
        name = f"base {means[0]:.0f}, {len(means) - 1} checkpoints of {means[1]:.0f}, {prompts} x {seeds}"
        scenario = Scenario(name, means, prompts=prompts, seeds=seeds)
        rates = base_rates(scenario, sweeps)
        print(f"| {name} | {100 * rates[0]:.1f} | {100 * rates[1]:.1f} |", flush=True)


def earlier_table(sweeps: int) -> None:
    """Print how often a change since an earlier sweep of the same prompts and seeds is called proved."""
    print("\n| sweep against an earlier one | proved % | the two bests alone would be % |")
    print("|---|---:|---:|")
    for ours, theirs, prompts, seeds in (
        ((260.0,) * 10, (260.0,), 8, 3),
        ((260.0,) * 10, (260.0,) * 10, 8, 3),
        ((260.0,) * 3, (260.0,) * 2, 16, 1),
        ((208.0, *(260.0,) * 9), (260.0,) * 10, 8, 3),
    ):
        name = f"{len(ours)} of {ours[-1]:.0f}, the first {ours[0]:.0f}; {len(theirs)} of {theirs[0]:.0f}; "
        scenario = Scenario(f"{name}{prompts} x {seeds}", (*ours, *theirs), prompts=prompts, seeds=seeds)
        proved = bare = 0
        for sweep in draw(scenario, sweeps, 0):
            now = [row for row in sweep.rows if (row.epoch or 0) <= len(ours)]
            found = decide(now, baseline=[row for row in sweep.rows if (row.epoch or 0) > len(ours)]).baseline
            proved += found is not None and found.proved
            bare += found is not None and found.p <= ALPHA
        print(f"| {scenario.name} | {100 * proved / sweeps:.1f} | {100 * bare / sweeps:.1f} |", flush=True)


def seeds_table(sweeps: int) -> None:
    """Print how right the advised number of more seeds is."""
    print("\n| sweeps | undecided | advised seeds, median | decided after them % | after half of them % |")
    print("|---|---:|---:|---:|---:|")
    for name, count, median, after, half in seeds_rates(sweeps):
        print(f"| {name} | {count} | {median:.0f} | {100 * after:.0f} | {100 * half:.0f} |", flush=True)


def main() -> None:
    """Run what is asked for."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--sweeps", type=int, default=1000, help="simulated sweeps in each scenario")
    parser.add_argument("--only", choices=("winner", "prompts", "base", "earlier", "seeds", "course", "stop"))
    chosen = parser.parse_args()
    parts = {
        "winner": winner_table,
        "prompts": prompts_table,
        "base": base_table,
        "earlier": earlier_table,
        "seeds": seeds_table,
        "course": course_table,
        "stop": stop_table,
    }
    for name, part in parts.items():
        if chosen.only in (None, name):
            part(chosen.sweeps)


if __name__ == "__main__":
    main()
