"""The experiment's published table as rows: means and green prompt are its own, the rest is made to fit."""

from __future__ import annotations

import numpy as np

from bespoke_core.evaluation.table import Row

MEANS = (323.9, 335.7, 272.6, 314.4, 238.9, 313.6, 296.0, 216.6, 277.9, 315.9)
GREEN = (314, 296, 208, 237, 156, 291, 475, 222, 321, 293)
PROMPTS = ("green", "brown eyes", "sunglasses", "earrings", "red hair", "afro", "bow")


def experiment_rows() -> list[Row]:
    """Return ten checkpoints times seven prompts, drawn once each."""
    rng = np.random.default_rng(5)
    rows = []
    for epoch, (mean, green) in enumerate(zip(MEANS, GREEN, strict=True), 1):
        rest_sum = round(mean * len(PROMPTS)) - green
        noise = rng.normal(0, 60, len(PROMPTS) - 1)
        rest = np.round(noise - noise.mean() + rest_sum / len(noise)).astype(int)
        rest[-1] += rest_sum - rest.sum()
        name = f"bespoke-{epoch:06d}" if epoch < 10 else "bespoke"
        for prompt, count in zip(PROMPTS, (green, *rest), strict=True):
            rows.append(Row(name, epoch, prompt, 0, {"unique_colors": int(count)}))
    return rows
