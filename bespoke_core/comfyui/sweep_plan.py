"""The plan by which a run is swept while it trains; what cannot work is refused before training."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..errors import InputError
from ..evaluation.plan_file import PlanFile, read_plan_file
from .client import Client

if TYPE_CHECKING:
    from ..training.plan import TrainingPlan


def plan_for_run(path: Path, plan: TrainingPlan, client: Client) -> PlanFile:
    """Return a sweep's plan whose checkpoints are the epochs of a run that is about to be trained.

    A plan that names no run folder means the run's own. Where it names one, that must be the run's folder as
    the server sees it: on a server of another machine, which has the same disk under another path, only the
    plan can say so; that it is the same folder is then proved by the hash of every checkpoint.

    Args:
        path: of the plan.
        plan: of the run.
        client: of the server that will draw.

    Raises:
        InputError: the plan is not of one run, the server's LoraLoader does not see the run's folder, or the
            server lacks the base model, the score or the extension.
        ServerGoneError: the server does not answer.
    """
    given = read_plan_file(path, run_folder=str(plan.run_folder))
    if given.runs:
        raise InputError(
            "compares several runs, and only one is trained",
            file=path,
            field="runs",
            remedy="Remove [[runs]]: the checkpoints are those of the run. Compare runs with bespoke sweep.",
        )
    _check_options(given, path, client)
    folder = _folder_there(given.run_folder, plan.run_folder, path, _lora_folders(client))
    pattern = epochs_pattern(plan.config.output_name) if given.pattern == "*" else given.pattern
    return given.model_copy(update={"run_folder": folder, "pattern": pattern})


def epochs_pattern(output_name: str) -> str:
    """Return the shell pattern of the epochs' files of a run, without those of save_every_n_steps."""
    escaped = "".join(f"[{letter}]" if letter in "*?[" else letter for letter in output_name)
    # After the name comes either -000001 or the ending .safetensors, but not -step.
    return f"{escaped}[-.][0-9s][0-9a][0-9f]*"


def _folder_there(given: str, run_folder: Path, path: Path, loras: list[str]) -> str:
    """Return the run's folder as the server opens it."""
    own = run_folder.resolve()
    same_disk = any(Path(folder).is_dir() for folder in loras)
    tail = Path(given.replace("\\", "/"))
    # The nodes take "loras/my_lora", too: under what holds one of the server's loras folders.
    candidates = [tail] if tail.is_absolute() else [Path(folder).parent / tail for folder in loras]
    inside = [one for one in candidates if any(_lies_in(one, Path(folder)) for folder in loras)]
    if not inside:
        raise InputError(
            "is in none of the ComfyUI server's loras folders, so its LoraLoader would not find the epochs",
            file=path if given != str(run_folder) else run_folder,
            field="run_folder" if given != str(run_folder) else "output_dir",
            value=given,
            remedy="Give --run-folder with a folder of its own under one of: " + ", ".join(loras) + ".",
        )
    if not same_disk:
        return str(inside[0])
    for one in inside:
        if one.resolve() == own:
            return str(one)
    raise InputError(
        f"is another folder than the run's, {run_folder}",
        file=path,
        field="run_folder",
        value=given,
        remedy="Leave run_folder out of the plan: the checkpoints are those of the run.",
    )


def _lies_in(path: Path, folder: Path) -> bool:
    return path.is_relative_to(folder) or path.resolve().is_relative_to(folder.resolve())


def _lora_folders(client: Client) -> list[str]:
    """Return the folders in which the server looks for LoRAs."""
    reply = client.model_folders()
    if folders := reply.get("loras"):
        return folders
    raise InputError(
        "does not say where its LoRAs lie",
        field="--server",
        value=client.url,
        remedy="Use a newer ComfyUI.",
    )


def _check_options(plan: PlanFile, path: Path, client: Client) -> None:
    """Refuse what the server's nodes do not offer."""
    if not client.object_info("Bespoke_Sweep"):
        raise InputError(
            "has no Bespoke",
            field="--server",
            value=client.url,
            remedy="Install the extension there and start ComfyUI again.",
        )
    wanted: list[tuple[str, str, str, tuple[Any, ...]]] = [
        ("base_checkpoint", "CheckpointLoaderSimple", "ckpt_name", (plan.base_checkpoint,)),
        ("by", "Bespoke_Verdict", "by", (plan.by,)),
        ("sampler.sampler_name", "Bespoke_Sweep", "sampler_name", plan.sampler.sampler_name),
        ("sampler.scheduler", "Bespoke_Sweep", "scheduler", plan.sampler.scheduler),
    ]
    for field, node, name, values in wanted:
        options = _options(client.object_info(node)[node], name)
        for value in values:
            if value not in options:
                raise InputError(
                    "is not known to the ComfyUI server",
                    file=path,
                    field=field,
                    value=value,
                    remedy=f"It has: {', '.join(options[:20])}.",
                )


def _options(node: dict[str, Any], name: str) -> list[str]:
    """Return the choices of a node's input, in either form in which servers tell them."""
    kind, *more = {**node["input"].get("optional", {}), **node["input"]["required"]}[name]
    found = kind if isinstance(kind, list) else more[0].get("options", [])
    return [str(one) for one in found]
