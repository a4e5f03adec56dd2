"""What the training's tests work with, on a tiny base model that can also decode."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from bespoke_core.training.config import TrainingConfig
from bespoke_core.training.plan import make_plan
from bespoke_core.training.session import Session, prepare

_spec = importlib.util.spec_from_file_location(
    "training_fixtures", Path(__file__).parents[1] / "training" / "conftest.py"
)
assert _spec is not None and _spec.loader is not None
_training = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(_training)

one_thread = _training.one_thread
tokenizer_folder = _training.tokenizer_folder
nano_base = _training.nano_base
dataset = _training.dataset
make_config = _training.make_config


@pytest.fixture(scope="session")
def tiny_base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Random networks in SD1.5's layout with the small base model's autoencoder: 10 MB."""
    import torch
    from safetensors.torch import save_file

    from bespoke_core.base.autoencoder import autoencoder

    weights = {k: v for k, v in _training.tiny_weights().items() if not k.startswith("first_stage_model.")}
    weights |= {key: torch.from_numpy(array.copy()) for key, array in autoencoder()}
    path = tmp_path_factory.mktemp("base") / "tiny.safetensors"
    save_file(weights, path)
    return path


@pytest.fixture
def make_session(make_config: Callable[..., TrainingConfig], tmp_path: Path) -> Callable[..., Session]:
    """Prepare a run without training it."""

    def make(**changes: Any) -> Session:
        plan = make_plan(make_config(**changes), tmp_path / "run")
        return prepare(plan, lambda *given, **told: None, lambda: False)

    return make
