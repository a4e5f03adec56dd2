"""Nodes for training: a configuration, and a LoRA trained in a process of its own."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import comfy.sd1_clip
import folder_paths
from comfy_api.latest import io

from ..bespoke_core.amounts import counted
from ..bespoke_core.errors import InputError
from ..bespoke_core.evaluation.checkpoints import find_checkpoints
from ..bespoke_core.files import read_text
from ..bespoke_core.training.config import PATH_KEYS, Option, TrainingConfig, describe, to_toml, with_values
from ..bespoke_core.training.preset import MORE, PIXEL_ART, SERVERS_OWN, combine
from ..bespoke_core.training.toml_form import SUFFIXES, flatten, names_file, unquoted
from .host import (
    MADE,
    BespokeCheckpoints,
    BespokeTraining,
    DatasetNode,
    dataset_folder_input,
    folder_fingerprint,
    output_files,
    output_root,
    picture_tensor,
    roots,
)
from .training_live import ENDINGS, follow, push_state, view_state

RUNS = "loras/bespoke"


class MakeTrainingConfig(io.ComfyNode):
    """A training configuration from widgets, a kohya TOML file, or both."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        """Describe the node; its options are made from the library's."""
        options = {option.name: option for option in describe()}
        return io.Schema(
            node_id="Bespoke_TrainingConfig",
            display_name="Training Config",
            category="Bespoke/training",
            description="How a LoRA is trained. The names and meanings are those of kohya's sd-scripts; a "
            "TOML file or its text wins over the widgets, which fill in what it leaves out.",
            search_aliases=["kohya", "lora settings"],
            inputs=[
                io.Combo.Input(
                    "ckpt_name",
                    options=folder_paths.get_filename_list("checkpoints"),
                    tooltip="The Stable Diffusion 1.5 checkpoint to train on.",
                ),
                *(widget(options[name], default) for name, default in PIXEL_ART.items()),
                io.String.Input(
                    "toml",
                    multiline=True,
                    default="",
                    optional=True,
                    placeholder="a kohya TOML may be pasted here; what it says wins",
                    tooltip="A kohya configuration: its text, or the path of a .toml file, or of "
                    "kohya_ss's .json, under input.",
                ),
                *(widget(options[name], default, optional=True) for name, default in MORE.items()),
            ],
            outputs=[
                BespokeTraining.Output("training", tooltip="For Train LoRA."),
                io.String.Output("toml", tooltip="The complete configuration as TOML."),
            ],
        )

    @classmethod
    def validate_inputs(
        cls,
        toml: str | None = None,
        sample_prompts: str | None = None,
        early_stopping_patience: int | None = None,
        early_stopping_metric: str | None = None,
        early_stopping_rule: str | None = None,
    ) -> bool | str:
        """Refuse a configuration that cannot be used before any work starts.

        What comes from another node is not known yet, nor then whether there are prompts to wait for.
        """
        values: dict[str, Any] = {"sample_prompts": sample_prompts or ""}
        stopping = {
            "early_stopping_patience": early_stopping_patience,
            "early_stopping_metric": early_stopping_metric,
            "early_stopping_rule": early_stopping_rule,
        }
        if None not in (toml, sample_prompts):
            values |= {key: value for key, value in stopping.items() if value is not None}
        try:
            configuration(values, toml or "")
        except InputError as error:
            return str(error)
        return True

    @classmethod
    def fingerprint_inputs(
        cls, toml: str | None = None, sample_prompts: str | None = None, **_: Any
    ) -> str | list[str]:
        """Run again when a file or folder changed that the configuration names."""
        named = [unquoted(toml)] if toml and names_file(toml) else []
        try:
            config = configuration({"sample_prompts": sample_prompts or ""}, toml or "")
        except InputError as error:
            return str(error)
        named += [text for key in PATH_KEYS if key not in SERVERS_OWN and (text := getattr(config, key))]
        return [folder_fingerprint(text) for text in named]

    @classmethod
    def execute(cls, ckpt_name: str, toml: str = "", **values: Any) -> io.NodeOutput:
        """Combine and check."""
        config = with_values(
            configuration(values, toml),
            pretrained_model_name_or_path=folder_paths.get_full_path_or_raise("checkpoints", ckpt_name),
            tokenizer_path=str(Path(comfy.sd1_clip.__file__).parent / "sd1_tokenizer"),
        )
        complete = to_toml(config)
        return io.NodeOutput(config, complete, ui={"text": (complete,)})


def configuration(values: dict[str, Any], toml: str) -> TrainingConfig:
    """Return the configuration of widgets and of the TOML text or file, which wins.

    Raises:
        InputError: a file may not be read, or what is said cannot be used.
    """
    if not toml.strip():
        return combine(values, None, resolve=readable)
    if not names_file(toml):
        return combine(values, flatten(toml, file=None), resolve=readable)
    file = roots().readable(unquoted(toml), field="toml", suffixes=SUFFIXES)
    text = read_text(file, remedy="Give a TOML file with the training configuration.")
    return combine(values, flatten(text, file=file), resolve=readable, file=file)


def readable(key: str, text: str) -> str:
    """Return a path that a configuration names if the server lets nodes read it, and all that it names.

    Raises:
        InputError: it, or a folder named in it, is absent or lies outside the allowed folders.
    """
    from ..bespoke_core.training.dataset_config import paths_in

    allowed = roots()
    path = allowed.readable(text, field=key)
    for inner in paths_in(path) if key == "dataset_config" else []:
        allowed.readable(inner, field=key)
    return str(path)


class TrainLora(DatasetNode):
    """Trains a LoRA in a child process, one checkpoint an epoch."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        """Describe the node."""
        return io.Schema(
            node_id="Bespoke_TrainLora",
            display_name="Train LoRA",
            category="Bespoke/training",
            description="Trains a LoRA on a data set in a process of its own, one checkpoint an epoch, with "
            "live progress. Cancel stops it and leaves whole files; queueing again goes on from there. A "
            "finished run with unchanged inputs is not trained again.",
            search_aliases=["lora training", "kohya train"],
            is_output_node=True,
            inputs=[
                BespokeTraining.Input("training", tooltip="From Training Config."),
                dataset_folder_input(),
                io.String.Input(
                    "run_name",
                    default="my_lora",
                    tooltip="Names the files and the folder under output/loras/bespoke.",
                ),
            ],
            outputs=[
                BespokeCheckpoints.Output("checkpoints", tooltip="One LoRA file an epoch."),
                io.Image.Output("loss_chart", tooltip="The loss over the steps."),
                io.String.Output("run_folder", tooltip="Where the files are."),
            ],
            hidden=[io.Hidden.unique_id],
        )

    @classmethod
    def node_name(cls, run_name: str | None) -> str:
        """Return the name under which `MADE` knows a run."""
        return f"run {run_name}"

    @classmethod
    def fingerprint_inputs(
        cls, dataset_folder: str | None = None, run_name: str | None = None, **_: Any
    ) -> Any:
        """Run again when a file of the data set changed, or when the run's folder was deleted."""
        return MADE.fingerprint(cls.node_name(run_name), folder_fingerprint(dataset_folder))

    @classmethod
    def execute(cls, training: TrainingConfig, dataset_folder: str, run_name: str) -> io.NodeOutput:
        """Train, or take the finished run of the same inputs."""
        # Not `async`: while this waits, no other node may load a model into the memory that training uses.
        from ..bespoke_core.training.place import place_run

        allowed = roots()
        dataset = allowed.readable(dataset_folder, field="dataset_folder")
        config = with_values(training, train_data_dir=str(dataset))
        ENDINGS.wait(cls.hidden.unique_id)
        place = place_run(config, output_root() / RUNS, run_name)
        if not place.finished:
            follow(place, cls.hidden.unique_id)
        MADE.remember(cls.node_name(run_name), place.folder)
        return trained(place.folder, allowed.relative(place.folder), cls.hidden.unique_id)


def trained(folder: Path, relative: str, node_id: str) -> io.NodeOutput:
    """Return what Train LoRA gives of a run that has ended, and show its end on the node."""
    from ..bespoke_core.training.chart import loss_chart, notices
    from ..bespoke_core.training.progress import read_progress

    checkpoints, chart = find_checkpoints(folder), loss_chart(folder)
    chart_path = folder / "loss.png"
    chart.save(chart_path)
    state = view_state(read_progress(folder), folder)
    push_state(state, node_id)
    return io.NodeOutput(
        checkpoints,
        picture_tensor(chart),
        relative,
        ui={
            "text": (f"{counted(len(checkpoints), 'checkpoint')} in {relative}", *notices(folder)),
            "images": output_files([chart_path]),
            "bespoke_checkpoints": [c.to_dict() for c in checkpoints],
            "bespoke_training": [state],
        },
    )


def widget(option: Option, default: Any, *, optional: bool = False) -> io.Input:
    """Return the widget of one key of the configuration, with its help, range and unit."""
    unit = f" [{option.unit}]" if option.unit else ""
    common: dict[str, Any] = {"default": default, "tooltip": option.help + unit, "optional": optional}
    if option.choices:
        return io.Combo.Input(
            option.name, options=[str(c) for c in option.choices if c is not None], **common
        )
    if option.kind is bool:
        return io.Boolean.Input(option.name, **common)
    if option.kind is int:
        return io.Int.Input(option.name, min=option.minimum, max=option.maximum, **common)
    if option.kind is float and isinstance(default, float):
        step = 1e-6 if 0 < default < 1e-2 else 0.01
        return io.Float.Input(
            option.name, min=option.minimum, max=option.maximum, step=step, round=1e-8, **common
        )
    if option.kind is float:  # such as steps, which below 1 are a share: arrows count whole ones
        common["tooltip"] += ". Whole numbers here; the TOML takes others, such as 0.1."
        return io.Int.Input(option.name, min=int(option.minimum or 0), max=int(option.maximum or 0), **common)
    return io.String.Input(option.name, multiline=option.name.endswith("_prompts"), **common)
