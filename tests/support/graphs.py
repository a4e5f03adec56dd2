"""The shipped workflows as tests queue them: the same graphs, at a size that a small machine finishes."""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

WORKFLOWS = Path(__file__).resolve().parents[2] / "workflows"
NAMES = (
    "clean_captions",
    "restore_captions",
    "train_lora",
    "evaluation_sweep",
    "whole_loop",
    "score_pictures",
    "compare_runs",
    "guidance_study",
    "production_samples",
)

Graph = dict[str, dict[str, Any]]

SMALL: dict[str, dict[str, Any]] = {
    "Bespoke_TrainingConfig": {
        "resolution": "64,64",
        "network_dim": 4,
        "network_alpha": 2.0,
        "max_train_epochs": 2,
        "train_batch_size": 4,
        "lr_warmup_steps": 1,
        "unet_lr": 1e-3,
        "text_encoder_lr": 1e-4,
        "max_token_length": "75",
        "mixed_precision": "no",
        "sample_prompts": "",
        "early_stopping_patience": 0,
    },
    "Bespoke_TestPrompts": {
        "prompts": "green: pixel art portrait, bright green background\nlady: pixel art portrait of a lady",
        "scenes": "none",
    },
    "Bespoke_Sweep": {"seeds": "1, 2", "steps": 2, "width": 64, "height": 64},
    "EmptyLatentImage": {"width": 64, "height": 64},
    "KSampler": {"steps": 2},
}
"""Widget values that make a run small; the wires stay as shipped."""


def shipped(name: str) -> Graph:
    """Return a shipped workflow in API form."""
    graph: Graph = json.loads((WORKFLOWS / "api" / f"{name}.json").read_text(encoding="utf-8"))
    return graph


def small(name: str, **changes: dict[str, Any]) -> Graph:
    """Return a shipped workflow with small values; `changes` are further inputs by node class."""
    return with_inputs(with_inputs(shipped(name), SMALL), changes)


def with_inputs(graph: Graph, changes: dict[str, dict[str, Any]]) -> Graph:
    """Return a graph with inputs replaced by node class, where they are not wired."""
    changed = copy.deepcopy(graph)
    for node in changed.values():
        for name, value in changes.get(node["class_type"], {}).items():
            if not isinstance(node["inputs"].get(name), list):
                node["inputs"][name] = value
    return changed


def nodes_of(graph: Graph, class_type: str) -> list[str]:
    """Return the ids of the nodes of a class."""
    return [node_id for node_id, node in graph.items() if node["class_type"] == class_type]
