"""Does cleaning captions make a better LoRA? The same training twice, with several seeds.

Each seed trains two LoRAs of the sample data set's style on the base model: one on the captions as they are,
with colour codes and faults, one on the same captions after the "smart" cleaning. All else is equal: the
pictures, their order, the noise, the starting weights. Every LoRA then draws the same prompts with the same
picture seeds.

    python benchmarks/captions_with_codes.py --write docs/captions-with-codes.md

What is finished is kept in the work folder; the same command goes on where it stopped.
"""

from __future__ import annotations

import argparse
import json
import re
import sys
import time
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

sys.path.append(str(Path(__file__).resolve().parents[1]))

from paired_outcomes import BASE, CLEANED, CODES, compare, conclusion, table
from style_data import Data, Settings, prepare

from bespoke_core.base.checkpoint import obtain_base_model
from bespoke_core.captions.dataset import first_line, read_dataset
from bespoke_core.files import key_of, read_text, sha256_of_file, write_text
from bespoke_core.quickstart.sample_dataset import PICTURE_SIZE
from bespoke_core.training.config import TrainingConfig
from bespoke_core.training.preset import combine
from bespoke_core.training.run import finished_run, start_training

VERSION = 2  # raise it when the same settings give other numbers
ARMS = (CODES, CLEANED)
BEGIN, END = "<!-- measured: begin -->", "<!-- measured: end -->"


def training_config(data: Data, checkpoint: Path, settings: Settings, arm: str, seed: int) -> TrainingConfig:
    """Return the training node's configuration with what is smaller here.

    No caption is dropped: which ones were would depend on how many phrases those before them have, and the
    arms would differ by chance.
    """
    config = combine(
        {
            "resolution": f"{PICTURE_SIZE},{PICTURE_SIZE}",
            "max_train_epochs": settings.epochs,
            "network_dim": settings.network_dim,
            "network_alpha": float(settings.network_dim),
            "network_train_unet_only": True,
            "unet_lr": settings.unet_lr,
            "lr_scheduler": "cosine",
            "lr_warmup_steps": 0.1,
            "caption_dropout_rate": 0.0,
            "shuffle_caption": False,  # then each caption is encoded once, the greater part of the time
            "multires_noise_iterations": 0,  # the small base model was trained without it
            "mixed_precision": "no",
            "save_precision": "float",
            "save_every_n_epochs": settings.epochs,
            "save_state": False,
            "seed": seed,
        },
        None,
    )
    return config.model_copy(
        update={
            "pretrained_model_name_or_path": str(checkpoint),
            "train_data_dir": str(data.folders[arm]),
            "output_name": f"{arm}-{seed}",
        }
    )


def trained(config: TrainingConfig, folder: Path) -> Path:
    """Return the LoRA that training in a child process gives, or that lies there already."""
    result = finished_run(config, folder)
    if result is None:
        process = start_training(config, run_folder=folder)
        try:
            result = process.finish()
        except BaseException:
            process.cancel()
            raise
    return result.checkpoints[-1]


class Results:
    """The rows that are finished, in a JSON lines file that is written whole."""

    def __init__(self, path: Path) -> None:
        self.path = path
        lines = path.read_text(encoding="utf-8").splitlines() if path.is_file() else []
        self.rows: list[dict[str, Any]] = [json.loads(line) for line in lines]

    def has(self, arm: str, seed: int | None) -> bool:
        """Whether that LoRA has been measured."""
        return any((row["arm"], row["seed"]) == (arm, seed) for row in self.rows)

    def add(self, row: dict[str, Any]) -> None:
        """Keep a row, in memory and on disk."""
        self.rows.append(row)
        write_text(self.path, "".join(json.dumps(one) + "\n" for one in self.rows))


def run(
    data: Data, settings: Settings, checkpoint: Path, folder: Path, seeds: list[int]
) -> tuple[Results, str]:
    """Train and measure what is missing; return the rows and what is known of the data."""
    from lora_outcomes import Measure  # loads torch, which a question about the options does not need

    results = Results(folder / "results.jsonl")
    measure = Measure(data, settings, checkpoint, training_config(data, checkpoint, settings, CODES, 0))
    if not results.has(BASE, None):
        results.add({"arm": BASE, "seed": None, **measure.outcomes(None)})
    for seed in seeds:
        for arm in ARMS:
            if results.has(arm, seed):
                continue
            began = time.monotonic()
            config = training_config(data, checkpoint, settings, arm, seed)
            lora = trained(config, folder / f"{arm}-{seed}")
            middle = time.monotonic()
            row = {"arm": arm, "seed": seed, **measure.outcomes(lora), "lora_sha256": sha256_of_file(lora)}
            row |= {"train_s": round(middle - began, 1), "measure_s": round(time.monotonic() - middle, 1)}
            results.add(row)
            print(json.dumps(row), file=sys.stderr, flush=True)
    near = f"The held-out pictures themselves have a palette distance of {measure.true_distance:.2f}."
    return results, f"{token_table(data, measure.tokens)}\n\n{near}"


def token_table(data: Data, count: Callable[[list[str]], list[int]]) -> str:
    """Return how long the captions are, as Markdown."""
    lines = [
        "| captions | tokens, mean | longest | over 75 | over 225 |",
        "|---|---:|---:|---:|---:|",
    ]
    for arm, words in ((CODES, "with codes"), (CLEANED, "cleaned")):
        texts = [first_line(item.text or "") for item in read_dataset(data.folders[arm]).captions]
        counts = count(texts)
        over = [f"{sum(n > limit for n in counts)} of {len(counts)}" for limit in (75, 225)]
        lines.append(f"| {words} | {sum(counts) / len(counts):.0f} | {max(counts)} | {over[0]} | {over[1]} |")
    return "\n".join(lines)


def measured(
    results: Results, seeds: list[int], data: Data, settings: Settings, base: str, about_data: str
) -> str:
    """Return the whole measured part of the page, as Markdown."""
    rows = [row for row in results.rows if row["arm"] == BASE or row["seed"] in seeds]
    comparisons = compare(rows)
    drawn = settings.prompts * settings.picture_seeds
    steps = settings.epochs * -(-settings.pictures // 4)
    return "\n\n".join(
        [
            f"Base model `{base[:12]}`; {settings.pictures} training pictures, {settings.epochs} epochs "
            f"({steps} steps of 4), LoRA rank {settings.network_dim}, learning rate {settings.unet_lr:g}, "
            f"UNet only; seeds {', '.join(map(str, seeds))}. Each LoRA drew {drawn} pictures "
            f"({settings.prompts} prompts, {settings.picture_seeds} seeds each, "
            f"{settings.sampler_steps} steps, guidance {settings.cfg:g}); loss on {settings.held_out} "
            f"held-out pictures at timesteps {', '.join(map(str, settings.timesteps))}. Cleaning took "
            f"{data.cleaning.codes_removed} codes out and left {data.cleaning.codes_left}.",
            about_data,
            table(comparisons),
            conclusion(comparisons),
        ]
    )


def put_into(page: Path, text: str) -> None:
    """Put the measured part between the page's two markers.

    Raises:
        SystemExit: the page has not both of them.
    """
    whole = read_text(page, remedy="Name the page of the experiment.")
    pattern = re.compile(f"{re.escape(BEGIN)}.*{re.escape(END)}", re.DOTALL)
    if not pattern.search(whole):
        raise SystemExit(f"{page} has no place between {BEGIN} and {END}")
    write_text(page, pattern.sub(lambda _: f"{BEGIN}\n{text}\n{END}", whole))


def arguments() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument(
        "--work", type=Path, default=Path(__file__).resolve().parents[1] / ".bespoke" / "captions_with_codes"
    )
    parser.add_argument("--checkpoint", type=Path, help="the base model; made in the work folder when absent")
    parser.add_argument(
        "--write", type=Path, metavar="PAGE", help="put the result between PAGE's markers, too"
    )
    parser.add_argument("--seeds", type=int, default=7, help="training seeds, 1 to this number")
    parser.add_argument("--pictures", type=int, default=24)
    parser.add_argument("--epochs", type=int, default=5)
    parser.add_argument("--network-dim", type=int, default=16)
    parser.add_argument("--unet-lr", type=float, default=2e-3)
    parser.add_argument("--held-out", type=int, default=24)
    parser.add_argument("--timesteps", type=int, nargs="+", default=[100, 300, 500, 700])
    parser.add_argument("--prompts", type=int, default=12)
    parser.add_argument("--picture-seeds", type=int, default=1)
    parser.add_argument("--sampler-steps", type=int, default=10)
    parser.add_argument("--cfg", type=float, default=4.0)
    return parser.parse_args()


def main() -> None:
    """Train, measure and print the page's measured part."""
    given = arguments()
    names = Settings.__dataclass_fields__
    settings = Settings(
        **{name: getattr(given, name) for name in names if name != "timesteps"},
        timesteps=tuple(given.timesteps),
    )
    work = given.work.resolve()
    checkpoint = (given.checkpoint or obtain_base_model(work / "base").path).resolve()
    base = sha256_of_file(checkpoint)
    data = prepare(work / f"data-{settings.pictures}-{settings.held_out}-{settings.prompts}", settings)
    key = key_of([VERSION, asdict(settings), base, data.key()])
    seeds = list(range(1, given.seeds + 1))
    results, about_data = run(data, settings, checkpoint, work / key[:12], seeds)
    text = measured(results, seeds, data, settings, base, about_data)
    if given.write is not None:
        put_into(given.write, text)
    print(text)


if __name__ == "__main__":
    main()
