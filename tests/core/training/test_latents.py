from __future__ import annotations

import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import load_file, save_file

from bespoke_core.errors import InputError
from bespoke_core.training.config import TrainingConfig
from bespoke_core.training.errors import TrainingError
from bespoke_core.training.latent_files import LatentFiles
from bespoke_core.training.latents import LatentStore
from bespoke_core.training.reading import read_set

Make = Callable[..., TrainingConfig]


class Encoder:
    """Averages 8 x 8 pixels into four channels, and counts how often it is asked and with how many."""

    def __init__(self) -> None:
        self.calls: list[int] = []

    def to(self, device: object) -> Encoder:
        return self

    def __call__(self, pixels: torch.Tensor) -> torch.Tensor:
        self.calls.append(len(pixels))
        small = torch.nn.functional.avg_pool2d(pixels, 8)
        return torch.cat([small, small[:, :1]], dim=1)


def make_store(config: TrainingConfig, encoder: Any, folder: Path | None = None, **keys: Any) -> LatentStore:
    pictures = read_set(config).pictures
    files = None if folder is None else LatentFiles(folder, "base")
    return LatentStore(
        pictures,
        encoder,
        device=torch.device("cpu"),
        seed=config.seed,
        cached=keys.pop("cached", True),
        files=files,
        batch_size=config.vae_batch_size,
    )


def nothing(done: int) -> None:
    pass


def test_each_picture_is_encoded_once_in_groups(make_config: Make) -> None:
    encoder = Encoder()
    store = make_store(make_config(vae_batch_size=4), encoder)
    done: list[int] = []
    store.fill(done.append)
    store.fill(nothing)
    assert encoder.calls == [4, 2] and done == [4, 6]
    batch = store.take([2, 0], store.draw([2, 0], random.Random(0)))
    assert batch.latents.shape == (2, 4, 8, 8) and batch.latents.dtype == torch.float32
    assert batch.weights is None
    assert torch.equal(batch.latents[1:], store.plain([0]).latents)
    assert encoder.calls == [4, 2]


def test_mirrored_and_turned_forms_are_cached_and_all_are_shown(make_config: Make) -> None:
    encoder = Encoder()
    store = make_store(make_config(flip_aug=True, rotation_aug=20.0, augmentation_variants=3), encoder)
    store.fill(nothing)
    assert len(encoder.calls) == len(store.showings()) == 6 * 6
    chance = random.Random(3)
    shown = {store.draw([0], chance)[0] for _ in range(200)}
    assert len(shown) == 6
    flipped = [look for look in shown if look.flip and look.angle == 0]
    mirrored = store.plain([0]).latents[0].flip(-1)
    assert torch.allclose(store.take([0], flipped).latents[0], mirrored, atol=1e-6)
    assert len(encoder.calls) == 36


def test_without_caching_every_showing_is_encoded_and_has_a_form_of_its_own(make_config: Make) -> None:
    encoder = Encoder()
    config = make_config(rotation_aug=20.0, cache_latents=False)
    store = make_store(config, encoder, cached=False)
    looks = store.draw([0, 0, 1], random.Random(1))
    assert len({look.angle for look in looks}) == 3
    assert looks == store.draw([0, 0, 1], random.Random(1))
    whole = store.take([0, 0, 1], looks).latents
    assert torch.equal(store.take([1], looks[2:]).latents, whole[2:])
    assert encoder.calls == [1] * 4
    assert store.showings() == [] and store.kept() == {}


def test_a_crop_that_takes_nothing_off_is_encoded_once(make_config: Make, dataset: Path) -> None:
    Image.new("RGB", (24, 48)).save(dataset / "punk0.png")
    encoder = Encoder()
    store = make_store(make_config(random_crop=True, augmentation_variants=3, resolution=96), encoder)
    assert len(store.showings()) == 5 + 3


def test_latents_on_disk_are_read_by_another_run_and_only_for_the_same_content(
    make_config: Make, dataset: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "latents"
    make_store(make_config(), Encoder(), folder).fill(nothing)
    again = Encoder()
    store = make_store(make_config(), again, folder)
    store.fill(nothing)
    assert again.calls == []
    for change in ({"background_color": "#000000"}, {"resolution": 128}, {"resize_interpolation": "nearest"}):
        other = Encoder()
        make_store(make_config(**change), other, folder).fill(nothing)
        assert len(other.calls) == 6, change
    Image.new("RGB", (24, 24), "red").save(dataset / "punk1.png")
    changed = Encoder()
    make_store(make_config(), changed, folder).fill(nothing)
    assert len(changed.calls) == 1


@pytest.mark.parametrize("damage", ["cut off", "a changed byte", "empty", "another file", "a folder"])
def test_a_damaged_file_is_encoded_anew_and_replaced(make_config: Make, tmp_path: Path, damage: str) -> None:
    folder = tmp_path / "latents"
    store = make_store(make_config(), Encoder(), folder)
    store.fill(nothing)
    path = sorted(folder.iterdir())[2]
    whole = path.read_bytes()
    if damage == "cut off":
        path.write_bytes(whole[:-9])
    elif damage == "a changed byte":
        path.write_bytes(whole[:-9] + bytes([whole[-9] ^ 1]) + whole[-8:])
    elif damage == "empty":
        path.write_bytes(b"")
    elif damage == "another file":
        save_file({"other": torch.zeros(2)}, path)
    encoder = Encoder()
    if damage == "a folder":
        path.unlink()
        path.mkdir()
        with pytest.raises(TrainingError, match=r"latents of punk\d.png could not be written"):
            make_store(make_config(), encoder, folder).fill(nothing)
        return
    make_store(make_config(), encoder, folder).fill(nothing)
    assert encoder.calls == [1]
    assert path.read_bytes() == whole


def test_what_is_encoded_together_does_not_depend_on_what_is_there_already(
    make_config: Make, tmp_path: Path
) -> None:
    folder = tmp_path / "latents"
    config = make_config(vae_batch_size=4)
    make_store(config, Encoder(), folder).fill(nothing)
    store = make_store(config, encoder := Encoder(), folder)
    LatentFiles(folder, "base").path(store.pictures[1], store.showings()[1][1]).unlink()
    store.fill(nothing)
    assert encoder.calls == [4]


def test_more_latents_than_memory_may_hold_are_read_from_disk_batch_by_batch(
    make_config: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from bespoke_core.training import latents

    monkeypatch.setattr(latents, "MOST_IN_MEMORY", 3000)
    store = make_store(make_config(), encoder := Encoder(), tmp_path / "latents")
    store.fill(nothing)
    assert len(store.kept()) == 2
    expected = make_store(make_config(), Encoder())
    assert torch.equal(store.plain(range(6)).latents, expected.plain(range(6)).latents)
    assert len(encoder.calls) == 6


@pytest.mark.parametrize("what", ["replaced", "deleted", "damaged"])
def test_a_picture_that_changes_after_planning_is_named_when_it_is_needed(
    make_config: Make, dataset: Path, what: str
) -> None:
    store = make_store(make_config(), Encoder())
    kept = make_store(make_config(), Encoder())
    kept.fill(nothing)
    path = dataset / "punk4.png"
    if what == "replaced":
        Image.new("RGB", (24, 24)).save(path)
    elif what == "deleted":
        path.unlink()
    else:
        path.write_bytes(path.read_bytes()[:-30])
    with pytest.raises(InputError, match=r"punk4\.png"):
        store.fill(nothing)
    assert kept.plain([4]).latents.isfinite().all()


def test_only_what_is_opaque_weighs_where_the_alpha_is_the_mask(
    make_config: Make, dataset: Path, tmp_path: Path
) -> None:
    pixels = np.full((24, 24, 4), 200, dtype=np.uint8)
    pixels[:12, :, 3], pixels[12:, :, 3] = 0, 255
    Image.fromarray(pixels).save(dataset / "punk0.png")
    assert make_store(make_config(), Encoder()).plain([0, 1]).weights is None
    for folder in (None, tmp_path / "latents", tmp_path / "latents"):
        store = make_store(make_config(alpha_mask=True), Encoder(), folder)
        weights = store.plain([0, 1]).weights
        assert weights is not None and weights.shape == (2, 1, 8, 8)
        assert (weights[0, 0, :4] == 0).all() and (weights[0, 0, 4:] == 1).all() and (weights[1] == 1).all()


def test_values_that_are_no_numbers_stop_the_run_and_name_the_picture(make_config: Make) -> None:
    class Broken(Encoder):
        def __call__(self, pixels: torch.Tensor) -> torch.Tensor:
            return super().__call__(pixels) * float("nan")

    with pytest.raises(TrainingError, match=r"punk0\.png"):
        make_store(make_config(), Broken()).fill(nothing)


def test_what_another_process_encoded_is_taken_over(make_config: Make) -> None:
    first = make_store(make_config(), Encoder())
    first.fill(nothing)
    other = make_store(make_config(), encoder := Encoder())
    other.adopt(first.kept())
    assert torch.equal(other.plain(range(6)).latents, first.plain(range(6)).latents)
    assert encoder.calls == []


def test_a_file_holds_the_latents_and_their_checksum(make_config: Make, tmp_path: Path) -> None:
    store = make_store(make_config(), Encoder(), tmp_path / "latents")
    store.fill(nothing)
    path = LatentFiles(tmp_path / "latents", "base").path(store.pictures[3], store.showings()[3][1])
    assert torch.equal(load_file(path)["latents"], store.plain([3]).latents[0])
    assert not list((tmp_path / "latents").glob("*.tmp"))


def test_two_runs_that_cache_at_once_do_not_disturb_each_other(make_config: Make, tmp_path: Path) -> None:
    from concurrent.futures import ThreadPoolExecutor

    stores = [make_store(make_config(flip_aug=True), Encoder(), tmp_path / "latents") for _ in range(4)]
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda store: store.fill(nothing), stores))
    assert len(list((tmp_path / "latents").iterdir())) == 12
    assert len({store.plain(range(6)).latents.numpy().tobytes() for store in stores}) == 1
