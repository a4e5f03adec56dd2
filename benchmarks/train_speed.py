"""How fast a LoRA trains beside kohya's sd-scripts, the diffusers script and ComfyUI's TrainLoraNode.

Every trainer runs in a process of its own, one after the other and in turns, on the same checkpoint, pictures
and captions, in float32 on the CPU; the first step of each is not counted. Loading and caching stand apart.

    python benchmarks/train_speed.py --sd-scripts ../sd-scripts --sd-scripts-python ../kohya/bin/python \\
        --diffusers-examples ../diffusers/examples/text_to_image --comfyui ../ComfyUI

Rivals that no folder is given for are left out. `--full` trains SD1.5's whole size, with random weights.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from dataclasses import replace
from pathlib import Path

sys.path.append(str(Path(__file__).resolve().parent.parent))

from train_bases import write_full_base, write_sprites
from train_rivals import Job, Trainer, interleaved, table


def parse(words: list[str] | None = None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--base", type=Path, required=True, help="the small base model's checkpoint")
    parser.add_argument("--tokenizer", type=Path, required=True, help="a folder with CLIP's tokenizer")
    parser.add_argument("--sd-scripts", default="", help="folder of kohya's sd-scripts")
    parser.add_argument("--sd-scripts-python", default=sys.executable)
    parser.add_argument("--diffusers-examples", default="", help="folder of the text_to_image examples")
    parser.add_argument("--diffusers-python", default=sys.executable)
    parser.add_argument("--comfyui", default="", help="folder of ComfyUI")
    parser.add_argument("--full", type=Path, help="SD1.5's whole size; the file is written when absent")
    parser.add_argument("--size", type=int, default=192)
    parser.add_argument("--steps", type=int, default=7)
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument(
        "--windows", type=int, nargs="*", default=[1, 3], help="caption lengths, windows of 75"
    )
    return parser.parse_args(words)


def main(words: list[str] | None = None) -> None:
    """Time all and print a table for each comparison."""
    asked = parse(words)
    base = asked.base
    if asked.full:
        base = asked.full
        if not base.is_file():
            write_full_base(base, asked.base)
    tokenizer = asked.tokenizer.absolute()
    with tempfile.TemporaryDirectory() as place:
        for windows in asked.windows:
            data = write_sprites(Path(place) / f"data{windows}", 4 * asked.steps, asked.size, windows)
            job = Job(
                str(base.absolute()),
                str(data),
                str(tokenizer),
                size=asked.size,
                steps=asked.steps,
                threads=asked.threads,
            )
            _compare(asked, job, Path(place), windows)


def _compare(asked: argparse.Namespace, job: Job, place: Path, windows: int) -> None:
    """Print the comparison with kohya's trainer, then that of the UNet alone with the two others."""
    same = "UNet and text encoder, 225 tokens"
    both = [Trainer("ours", work=same)]
    if asked.sd_scripts:
        both.append(Trainer("kohya", asked.sd_scripts_python, asked.sd_scripts, same + ", same modules"))
    both.append(Trainer("floor", work="bare UNet forward and backward, 227 tokens, no LoRA, no text encoder"))
    print(f"\n### {job.size} px, captions of {windows} window(s): UNet and text encoder\n")
    print(table(interleaved(both, job, place / "out", rounds=asked.rounds), both), flush=True)
    alone = [Trainer("ours", work="UNet, every linear layer of the transformer blocks")]
    if asked.diffusers_examples:
        work = "UNet, attention only (half the modules); encodes pictures and captions in every step"
        alone.append(Trainer("diffusers", asked.diffusers_python, asked.diffusers_examples, work))
    if asked.comfyui:
        work = "UNet, every layer with weights, convolutions and norms too (it has no choice)"
        alone.append(Trainer("comfyui", sys.executable, asked.comfyui, work))
    if len(alone) > 1 and windows == 1:
        job = replace(job, tokens=75, text_encoder=False)
        print(f"\n### {job.size} px, captions of 1 window: UNet alone, 77 tokens\n")
        print(table(interleaved(alone, job, place / "out", rounds=asked.rounds), alone), flush=True)


if __name__ == "__main__":
    main()
