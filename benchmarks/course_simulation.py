"""How often the course over the epochs is named wrongly, and a run stopped too early: simulated runs."""

from __future__ import annotations

from collections import Counter

import numpy as np
from sweep_simulation import Scenario, Source

from bespoke_core.evaluation.stopping import PATIENCE, should_stop
from bespoke_core.evaluation.table import Row
from bespoke_core.evaluation.verdict import decide

EPOCHS = np.arange(10)
COURSES: dict[str, np.ndarray] = {
    "level": np.full(10, 260.0),
    "improving slowly (1.5 % an epoch)": 260 * 0.985**EPOCHS,
    "improving fast (6 % an epoch)": 260 * 0.94**EPOCHS,
    "improving, then level": np.maximum(260 * 0.92**EPOCHS, 260 * 0.92**5),
    "past its peak since epoch 5 (5 % an epoch)": 180 * 1.05 ** np.abs(EPOCHS - 4),
    "up and down by 30 %": 220 * (1 + 0.15 * (-1.0) ** EPOCHS),
}
ENDLESS = {
    "gains 4 % an epoch, 12 epochs": 260 * 0.96 ** np.arange(12),
    "gains 2 % an epoch, 12 epochs": 260 * 0.98 ** np.arange(12),
    "best at epoch 6, then 5 % worse an epoch": 180 * 1.05 ** np.abs(np.arange(12) - 5),
    "best at epoch 6, then level": np.maximum(260 * 0.94 ** np.arange(12), 260 * 0.94**5),
}


def phases(means: np.ndarray, prompts: int, seeds: int, sweeps: int) -> Counter[str]:
    """Return how often each phase is named for a true course."""
    scenario = Scenario("course", tuple(means.tolist()), prompts=prompts, seeds=seeds)
    rng = np.random.default_rng([prompts, seeds, int(means.sum())])
    found: Counter[str] = Counter()
    for _ in range(sweeps):
        found[decide(Source(scenario, rng).sweep().rows).shape.phase] += 1
    return found


def stops(means: np.ndarray, prompts: int, seeds: int, runs: int) -> tuple[list[int], list[int]]:
    """Return the epoch at which each run is stopped by `should_stop`, and by plain patience."""
    scenario = Scenario("stop", tuple(means.tolist()), prompts=prompts, seeds=seeds)
    rng = np.random.default_rng([prompts, seeds, int(means.sum())])
    ours, plain = [], []
    for _ in range(runs):
        rows = Source(scenario, rng).sweep().rows
        ours.append(_stopped(rows, len(means)))
        plain.append(_patience(rows, len(means)))
    return ours, plain


def _stopped(rows: list[Row], epochs: int) -> int:
    for epoch in range(1, epochs):
        if should_stop([row for row in rows if (row.epoch or 0) <= epoch]).stop:
            return epoch
    return epochs


def _patience(rows: list[Row], epochs: int) -> int:
    means = [
        np.mean([row.number("unique_colors") for row in rows if row.epoch == e + 1]) for e in range(epochs)
    ]
    for epoch in range(PATIENCE, epochs):
        if int(np.argmin(means[: epoch + 1])) <= epoch - PATIENCE:
            return epoch + 1
    return epochs


def course_table(sweeps: int) -> None:
    """Print which phases are named for which true course."""
    names = ("within chance", "improving", "levelling off", "oscillating", "past its peak")
    print("\n| true course, 10 epochs | " + " | ".join(f"{name} %" for name in names) + " |")
    print("|---|" + "---:|" * len(names))
    for prompts, seeds in ((7, 1), (8, 3)):
        for name, means in COURSES.items():
            found = phases(means, prompts, seeds, sweeps)
            shares = " | ".join(f"{100 * found[phase] / sweeps:.1f}" for phase in names)
            print(f"| {name}, {prompts} x {seeds} | {shares} |", flush=True)


def stop_table(sweeps: int) -> None:
    """Print how often a run is stopped before its best epoch, and after how many epochs."""
    print(
        "\n| true course | stopped too early % | by plain patience % | epochs trained | by plain patience |"
    )
    print("|---|---:|---:|---:|---:|")
    for prompts, seeds in ((8, 1), (8, 3)):
        for name, means in ENDLESS.items():
            best = int(np.argmin(means.round(6))) + 1
            kinds = stops(means, prompts, seeds, sweeps)
            early = [100 * float(np.mean([stop < best for stop in kind])) for kind in kinds]
            trained = [float(np.mean(kind)) for kind in kinds]
            print(
                f"| {name}, {prompts} x {seeds} | {early[0]:.1f} | {early[1]:.1f} | {trained[0]:.1f} | "
                f"{trained[1]:.1f} |",
                flush=True,
            )
