"""How close the memory estimate comes: training runs, told before and measured after.

Usage: python benchmarks/training_memory.py BASE.safetensors [--resolution 192] [--steps 3]

Each run is `bespoke train` on drawn sprites, a process of its own; its estimate stands in events.jsonl before
the first step, and its real peak is what the system says of the process at its end (ru_maxrss).
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

PACK = Path(__file__).resolve().parents[1]
CASES = (
    {"train_batch_size": 1},
    {"train_batch_size": 4},
    {"train_batch_size": 4, "max_token_length": 225},
    {"train_batch_size": 4, "max_token_length": 225, "gradient_checkpointing": True},
    {"train_batch_size": 4, "network_train_unet_only": True},
    {"train_batch_size": 2, "network_dim": 128, "mixed_precision": "bf16"},
)


def main() -> None:
    """Run every case and print one line for each."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("base", type=Path)
    parser.add_argument("--resolution", type=int, default=192)
    parser.add_argument("--steps", type=int, default=3)
    arguments = parser.parse_args()
    sys.path.insert(0, str(PACK))
    from bespoke_core.quickstart.sample_dataset import write_sample_dataset

    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        write_sample_dataset(root / "data", count=8, seed=1)
        print("| case | told, MB | used, MB | told / used |\n|---|---:|---:|---:|")
        for number, case in enumerate(CASES):
            told, used = measure(arguments, root, number, case)
            name = ", ".join(f"{key} {value}" for key, value in case.items())
            print(
                f"| {arguments.resolution} px, {name} | {told / 1e6:.0f} | {used / 1e6:.0f} "
                f"| {told / used:.2f} |",
                flush=True,
            )


def measure(
    arguments: argparse.Namespace, root: Path, number: int, case: dict[str, object]
) -> tuple[int, int]:
    """Train a few steps; return what was told beforehand and what was used at the peak, in bytes."""
    from bespoke_core.training.config import from_values, to_toml

    config = from_values(
        {
            "pretrained_model_name_or_path": str(arguments.base.absolute()),
            "train_data_dir": str(root / "data"),
            "output_dir": str(root),
            "output_name": f"run{number}",
            "resolution": arguments.resolution,
            "network_dim": 32,
            "network_alpha": 16.0,
            "learning_rate": 1e-4,
            "max_train_steps": arguments.steps,
            **case,
        }
    )
    (root / f"{number}.toml").write_text(to_toml(config), encoding="utf-8")
    command = [sys.executable, "-m", "bespoke_core", "train", str(root / f"{number}.toml")]
    environment = {**os.environ, "PYTHONPATH": str(PACK), "OMP_WAIT_POLICY": "PASSIVE"}
    process = subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise SystemExit(f"the run ended with code {process.returncode}")
    unit = 1 if sys.platform == "darwin" else 1024
    events = map(json.loads, (root / f"run{number}" / "events.jsonl").open(encoding="utf-8"))
    told = next(event["bytes"] for event in events if event["event"] == "memory")
    return int(told), usage.ru_maxrss * unit


if __name__ == "__main__":
    main()
