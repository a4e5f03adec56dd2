"""The verb `base`: the small base model's own training, packing and measuring."""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from ..amounts import counted
from ..errors import InputError

_REMEDY = "Use fewer drawings (--drawings), or close other programs."


def base_options(parser: argparse.ArgumentParser) -> None:
    """Add the forms of `base` and their options."""
    forms = parser.add_subparsers(dest="form", required=True, metavar="FORM")
    train = forms.add_parser("train", help="train the base model, or go on with its training, and pack it")
    train.add_argument("--folder", type=Path, metavar="DIR", help="of the training (default: in .bespoke)")
    train.add_argument("--steps", type=int, metavar="N", help="optimizer steps in all (default: 3000)")
    train.add_argument("--widths", metavar="A,B,C", help="channels of the levels (default: 40,120,160)")
    train.add_argument("--drawings", type=int, metavar="N", help="pictures to learn from (default: 24576)")
    train.add_argument("--batch-size", type=int, metavar="N", help="pictures a step (default: 32)")
    train.add_argument("--seed", type=int, metavar="N", help="of everything that is drawn (default: 1)")
    _machine_options(train)
    train.set_defaults(work=_train)
    pack = forms.add_parser("pack", help="write the weights of a training, and their record, for shipping")
    pack.add_argument("--folder", type=Path, metavar="DIR", help="of the training (default: in .bespoke)")
    pack.add_argument("--out", type=Path, metavar="DIR", help="where to write (default: the same)")
    pack.set_defaults(work=_pack)
    measure = forms.add_parser("measure", help="draw prompts that it never saw, and score the pictures")
    measure.add_argument("--weights", type=Path, metavar="FILE", help="packed weights (default: the shipped)")
    measure.add_argument("--count", type=int, default=100, metavar="N", help="prompts (default: 100)")
    measure.add_argument("--steps", type=int, default=20, metavar="N", help="sampler steps (default: 20)")
    measure.add_argument("--cfg", type=float, default=4.0, metavar="X", help="guidance (default: 4)")
    measure.add_argument("--compare", action="store_true", help="measure without guidance (cfg 1), too")
    measure.add_argument("--out", type=Path, metavar="FILE.png", help="contact sheet of the pictures")
    measure.add_argument("--record", action="store_true", help="write the result into the weights' record")
    _machine_options(measure)
    measure.set_defaults(work=_measure)
    for form in (train, pack, measure):
        # The verb's own option has been read by then, so a form must not put it back.
        form.add_argument(
            "--json", action="store_true", default=argparse.SUPPRESS, help="print machine-readable JSON"
        )


def base(arguments: argparse.Namespace) -> int:
    """Train, pack or measure."""
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")  # read when torch loads
    return int(arguments.work(arguments))


def _machine_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--device", choices=("auto", "cpu", "cuda"), default="auto", help="auto: GPU if any")
    parser.add_argument("--tokenizer", default="", metavar="DIR", help="CLIP's vocab.json and merges.txt")


def _train(arguments: argparse.Namespace) -> int:
    from ..base.machine import needed_memory
    from ..base.pack import pack
    from ..base.recipe import Recipe
    from ..base.train import train
    from ..memory import require_memory
    from ..tokenizer import find_tokenizer

    chosen = {
        "steps": arguments.steps,
        "widths": None if arguments.widths is None else _widths(arguments.widths),
        "drawings": arguments.drawings,
        "train_batch_size": arguments.batch_size,
        "seed": arguments.seed,
    }
    recipe = Recipe(**{key: value for key, value in chosen.items() if value is not None})
    recipe.check()
    find_tokenizer(arguments.tokenizer)  # said now and not after the drawing
    device = _device(arguments.device)
    require_memory(needed_memory(recipe), "training the base model", remedy=_REMEDY)
    folder = arguments.folder or _default_folder()
    train(recipe, folder, device=device, tokenizer_path=arguments.tokenizer, tell=_say(arguments.json))
    return _told(pack(folder, folder), folder, arguments.json)


def _pack(arguments: argparse.Namespace) -> int:
    from ..base.pack import pack

    folder = arguments.folder or _default_folder()
    out = arguments.out or folder
    return _told(pack(folder, out), out, arguments.json)


def _measure(arguments: argparse.Namespace) -> int:
    from ..base.measure import measure, sheet
    from ..base.pack import add_measurements
    from ..base.shipped import WEIGHTS, read_record, read_unchecked, read_weights
    from ..base.slim import from_layout
    from ..files import whole_file

    for field, most in (("count", 10_000), ("steps", 1000)):
        value = getattr(arguments, field)
        if not 1 <= value <= most:
            raise InputError("is out of range", field=f"--{field}", value=value, remedy=f"Use 1 to {most}.")
    if not 0 <= arguments.cfg <= 100:
        raise InputError("is out of range", field="--cfg", value=arguments.cfg, remedy="Use 0 to 100.")
    weights = arguments.weights or WEIGHTS
    if arguments.record:
        read_record(weights)
    narrow = read_unchecked(weights) if arguments.weights else read_weights()[0]
    try:
        network = from_layout(narrow)
    except (KeyError, ValueError, RuntimeError) as error:
        raise InputError(
            f"its weights do not form the small base model ({' '.join(str(error).split())[:200]})",
            file=weights,
            remedy="Name a file that `bespoke base pack` wrote.",
        ) from None
    scales = [arguments.cfg, *([1.0] if arguments.compare and arguments.cfg != 1 else [])]
    found = [
        measure(
            network,
            count=arguments.count,
            steps=arguments.steps,
            cfg=scale,
            device=_device(arguments.device),
            tokenizer_path=arguments.tokenizer,
            tell=_say(arguments.json),
        )
        for scale in scales
    ]
    if arguments.out is not None:
        with whole_file(arguments.out) as temporary:
            sheet(found[0].sprites).save(temporary, format="PNG")
    if arguments.record:
        add_measurements(weights, found)
    if arguments.json:
        print(json.dumps({"weights": str(weights), "held_out": [one.to_dict() for one in found]}))
    else:
        for one in found:
            print(_text(one.to_dict()))
    return 0


def _text(found: dict[str, Any]) -> str:
    total = found["background"]
    grid = found["grid_fidelity"]
    pictures = counted(found["count"], "picture")
    lines = [
        f"guidance {found['cfg']:g}: the background is right in {total['yes']} of {pictures}, "
        f"wrong in {total['no']}, unclear in {total['unclear']}; grid fidelity "
        f"{'not measured' if grid is None else grid}, unique colours {found['unique_colors']:g}, "
        f"perceptual {found['perceptual_colors']:g}"
    ]
    for color, counts in found["by_color"].items():
        lines.append(
            f"  {color:13} yes {counts['yes']:3}  no {counts['no']:3}  unclear {counts['unclear']:3}"
        )
    return "\n".join(lines)


def _told(record: Any, out: Path, as_json: bool) -> int:
    from ..base.shipped import WEIGHTS_NAME

    weights = out / WEIGHTS_NAME
    if as_json:
        print(json.dumps({"weights": str(weights), "record": record.told}, ensure_ascii=False))
    else:
        told = record.told
        loss = f", loss {told['loss'][-1][1]}" if told["loss"] else ""
        print(f"{weights}: {record.size / 1e6:.1f} MB after {counted(told['steps'], 'step')}{loss}")
    return 0


def _widths(text: str) -> tuple[int, ...]:
    parts = [part.strip() for part in text.split(",")]
    if len(parts) != 3 or not all(part.isascii() and part.isdigit() for part in parts):
        raise InputError("is not three widths", field="--widths", value=text, remedy="Write 40,120,160.")
    return tuple(int(part) for part in parts)


def _device(chosen: str) -> str:
    import torch

    there = torch.cuda.is_available()
    if chosen == "cuda" and not there:
        raise InputError(
            "torch finds no such GPU", field="--device", value=chosen, remedy="Use --device cpu, or auto."
        )
    return "cuda" if there and chosen != "cpu" else "cpu"


def _default_folder() -> Path:
    from ..quickstart.environment import home_folder

    return home_folder() / "base_training"


def _say(quiet: bool) -> Callable[[str], None]:
    """Return a printer of one line; with --json the lines go to standard error."""
    stream = sys.stderr if quiet else sys.stdout
    return lambda line: print(line, file=stream, flush=True)
