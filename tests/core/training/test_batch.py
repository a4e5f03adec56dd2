from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import load_file

from bespoke_core.errors import InputError, UserCancelledError
from bespoke_core.training import session as sessions
from bespoke_core.training import work
from bespoke_core.training.batch import batch_loss, steps_before
from bespoke_core.training.config import TrainingConfig
from bespoke_core.training.parallel import Ranks
from bespoke_core.training.plan import make_plan

from .conftest import make_dataset
from .test_training import stop_after

Make = Callable[..., TrainingConfig]


def prepare(config: TrainingConfig, folder: Path) -> sessions.Session:
    return sessions.prepare(make_plan(config, folder), lambda *_, **__: None, lambda: False)


@torch.no_grad()
def loss_of(session: sessions.Session, batch: list[int]) -> float:
    return float(batch_loss(session, batch, 1, 0))


@pytest.fixture
def rich(make_config: Make, dataset: Path, tmp_path: Path) -> Callable[..., TrainingConfig]:
    """A configuration with everything that data may have: two data sets, chance in pictures and captions."""
    clear = np.asarray(Image.open(dataset / "punk0.png").convert("RGBA")).copy()
    clear[:8, :, 3] = 0
    Image.fromarray(clear).save(dataset / "punk0.png")
    (dataset / "punk1.txt").write_text("lad, {red|blue} hair, hat, eyes\na second line", encoding="utf-8")
    make_dataset(tmp_path / "reg", 2)
    make_dataset(tmp_path / "few", 2)
    path = tmp_path / "data.toml"
    path.write_text(
        """
[general]
flip_aug = true
rotation_aug = 12.0
enable_wildcard = true
token_warmup_step = 0.5
caption_tag_dropout_rate = 0.2
validation_split = 0.2

[[datasets]]
resolution = 64
batch_size = 3
[[datasets.subsets]]
image_dir = "punks"
alpha_mask = true
[[datasets.subsets]]
image_dir = "reg"
is_reg = true

[[datasets]]
resolution = [64, 128]
random_crop = true
[[datasets.subsets]]
image_dir = "few"
""",
        encoding="utf-8",
    )

    def make(**changes: Any) -> TrainingConfig:
        return make_config(dataset_config=str(path), prior_loss_weight=0.5, **changes)

    return make


@pytest.mark.slow
@pytest.mark.parametrize("changes", [{}, {"cache_latents": False}, {"cache_latents_to_disk": True}], ids=str)
def test_a_run_with_every_kind_of_chance_in_its_data_is_resumed_bit_identical(
    rich: Callable[..., TrainingConfig],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    changes: dict[str, Any],
) -> None:
    config = rich(**changes)
    whole = work.train_here(config, tmp_path / "whole")
    broken = tmp_path / "elsewhere" / "broken"
    for after in (2, 3):
        with monkeypatch.context() as patch:
            stop_after(patch, after)
            with pytest.raises(UserCancelledError):
                work.train_here(config, broken, resume=True)
    resumed = work.resume_here(broken)
    for one, other in zip(whole.checkpoints, resumed.checkpoints, strict=True):
        assert one.read_bytes() == other.read_bytes(), one.name
    told = load_file(whole.checkpoints[-1])
    assert all(value.abs().max() > 0 for key, value in told.items() if "lora_up" in key)


def test_a_regularisation_pictures_loss_is_weighed(make_config: Make, tmp_path: Path) -> None:
    make_dataset(tmp_path / "reg", 6)
    keys = {"reg_data_dir": str(tmp_path / "reg"), "shuffle_caption": False, "caption_dropout_rate": 0.0}
    sides = [prepare(make_config(prior_loss_weight=w, **keys), tmp_path / str(w)) for w in (1.0, 0.25)]
    pictures = sides[0].plan.training_set.pictures
    for index in (0, 11):
        one, other = (loss_of(side, [index]) for side in sides)
        assert other == pytest.approx(one * (0.25 if pictures[index].is_reg else 1.0))
    assert {pictures[0].is_reg, pictures[11].is_reg} == {False, True}


def test_what_is_transparent_is_not_learnt_where_the_alpha_is_the_mask(
    make_config: Make, dataset: Path, tmp_path: Path
) -> None:
    clear = np.zeros((24, 24, 4), dtype=np.uint8)
    Image.fromarray(clear).save(dataset / "punk0.png")
    Image.fromarray(clear + 255).save(dataset / "punk1.png")
    masked = prepare(make_config(alpha_mask=True), tmp_path / "masked")
    plain = prepare(make_config(), tmp_path / "plain")
    assert loss_of(masked, [0]) == 0 < loss_of(plain, [0])
    assert loss_of(masked, [1]) == loss_of(plain, [1])
    both = loss_of(masked, [0, 1])
    assert 0 < both < loss_of(plain, [0, 1])


def test_the_steps_before_a_batch_are_the_optimizers_own(make_config: Make, tmp_path: Path) -> None:
    plan = make_plan(make_config(train_batch_size=1, gradient_accumulation_steps=4), tmp_path)
    session: Any = SimpleNamespace(plan=plan, config=plan.config)
    assert plan.batches == 6
    assert [steps_before(session, 1, number) for number in range(6)] == [0, 0, 0, 0, 1, 1]
    assert [steps_before(session, 3, number) for number in (0, 4)] == [4, 5]


def test_a_picture_replaced_while_it_is_trained_on_uncached_stops_the_run_by_name(
    make_config: Make, dataset: Path, tmp_path: Path
) -> None:
    session = prepare(make_config(cache_latents=False), tmp_path)
    cached = prepare(make_config(), tmp_path)
    Image.new("RGB", (24, 24)).save(dataset / "punk2.png")
    with pytest.raises(InputError, match=r"punk2\.png: has changed since the run was planned"):
        loss_of(session, [2])
    assert math.isfinite(loss_of(cached, [2]))


@pytest.mark.parametrize("changes", [{}, {"adaptive_noise_scale": 0.3}], ids=["plain", "adaptive"])
def test_each_of_several_processes_encodes_its_own_pictures_alone_and_together_they_have_the_batchs_loss(
    make_config: Make, tmp_path: Path, changes: dict[str, Any]
) -> None:
    config = make_config(cache_latents=False, rotation_aug=10.0, flip_aug=True, noise_offset=0.05, **changes)
    session = prepare(config, tmp_path)
    batch, encoded = [4, 0, 3, 1, 5], []
    encoder = session.latents._encoder
    handle = encoder.register_forward_hook(lambda module, given, made: encoded.append(len(made)))
    whole = loss_of(session, batch)
    assert sum(encoded) == 5
    encoded.clear()
    parts = [loss_of(replace(session, ranks=Ranks(rank, 2)), batch) for rank in (0, 1)]
    handle.remove()
    assert sum(encoded) == (10 if changes else 5)
    assert sum(parts) == pytest.approx(whole, rel=1e-5)
