"""Was the demo's verdict right? Its pick against a measure that the verdict never saw.

    python3 -m bespoke_core demo
    python benchmarks/demo_verdict.py --write docs/base-model.md

The verdict ranks epochs by the pictures that they draw for the demo's prompts. Here every epoch of the same
run is measured on portraits of the sample's style that were held out of training: the loss of the denoiser on
them with their true captions, at fixed timesteps with fixed noise.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

sys.path.append(str(Path(__file__).resolve().parents[1]))

from captions_with_codes import put_into
from style_data import Settings, prepare

from bespoke_core.errors import InputError
from bespoke_core.evaluation.checkpoints import find_checkpoints
from bespoke_core.training.config import read_toml

SETTINGS = Settings(
    pictures=24,
    epochs=1,
    network_dim=16,
    unet_lr=1e-3,
    held_out=24,
    timesteps=(100, 300, 500, 700, 900),
    prompts=1,
    picture_seeds=1,
    sampler_steps=1,
    cfg=1.0,
)
"""Of these only the held-out pictures and the timesteps are used."""


def table(losses: dict[str, float], verdict: dict) -> str:
    """Return the losses beside the verdict's own scores as Markdown, and a sentence on who agrees.

    Args:
        losses: held-out loss of each checkpoint by name; "base" for the base model alone.
        verdict: as `bespoke verdict --json` tells it.
    """
    ranking = {place["checkpoint"]: place for place in verdict["ranking"]}
    lines = [
        f"| checkpoint | {verdict['by']} (95 % interval) | follows its prompts | held-out loss |",
        "|---|---|---|---|",
    ]
    for name, loss in losses.items():
        place = ranking.get(name)
        score = follows = "-"
        if place is not None:
            score = f"{place['mean']:.2f} ({place['low']:.2f} to {place['high']:.2f})"
            share = place["follow_share"]
            follows = "-" if share is None else f"{share:.0%}"
        mark = " **picked**" if name == verdict["best"] else ""
        lines.append(f"| {name}{mark} | {score} | {follows} | {loss:.4f} |")
    trained = {name: loss for name, loss in losses.items() if name != "base"}
    best = min(trained, key=lambda name: trained[name])
    last = list(trained)[-1]
    said = verdict["best"]
    if said is None:
        answer = "The verdict picked none."
    elif said == best:
        answer = f"The verdict picked {said}, which also has the lowest held-out loss."
    else:
        place = sorted(trained, key=lambda name: trained[name]).index(said) + 1
        worse = trained[said] / trained[best] - 1
        answer = (
            f"The verdict picked {said}; the lowest held-out loss is {best}'s, and {said}'s is {worse:.1%} "
            f"above it (place {place} of {len(trained)})."
        )
    end = (
        f"The last epoch's held-out loss is {trained[last] / trained[best] - 1:.1%} above the lowest: "
        "training went past its best point."
        if last != best
        else "The last epoch has the lowest held-out loss."
    )
    return "\n".join([*lines, "", answer, end])


def main() -> None:
    """Measure the checkpoints of a demo's run and say whether its verdict was right."""
    home = Path(__file__).resolve().parents[1] / ".bespoke"
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--home", type=Path, default=home, help="the demo's folder (default: .bespoke)")
    parser.add_argument("--write", type=Path, metavar="PAGE.md", help="put the table between its markers")
    options = parser.parse_args()
    output = options.home / "base" / "output"
    reports = sorted(
        (output / "bespoke" / "reports").glob("demo_*/verdict.json"), key=lambda p: p.stat().st_mtime
    )
    if not reports:
        raise SystemExit(f"no verdict of a demo under {output}; run `python3 -m bespoke_core demo` first")
    verdict = json.loads(reports[-1].read_text(encoding="utf-8"))
    run = output / "loras" / "bespoke" / reports[-1].parent.name
    text = table(measured(run, options.home), verdict)
    print(text)
    if options.write is not None:
        put_into(options.write, text)


def measured(run: Path, home: Path) -> dict[str, float]:
    """Return the held-out loss of the base model and of every checkpoint of a run."""
    from lora_outcomes import Measure

    config = read_toml(run / "config.toml")
    base = home / "base" / "models" / "checkpoints" / Path(config.pretrained_model_name_or_path).name
    measure = Measure(prepare(home / "demo_verdict", SETTINGS), SETTINGS, base, config)
    losses = {"base": measure.held_out_loss()}
    for checkpoint in find_checkpoints(run):
        measure.use(checkpoint.path)
        losses[checkpoint.name] = measure.held_out_loss()
    return losses


if __name__ == "__main__":
    try:
        main()
    except InputError as error:
        raise SystemExit(str(error)) from None
