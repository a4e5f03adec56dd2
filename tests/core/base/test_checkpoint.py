"""The embedded base model: its bytes, its layout, and that damage is found before it does harm."""

from __future__ import annotations

import hashlib
import json
import shutil
from collections import namedtuple
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from bespoke_core import memory
from bespoke_core.base import checkpoint, shipped
from bespoke_core.base.checkpoint import BaseModel, obtain_base_model
from bespoke_core.errors import InputError
from bespoke_core.files import sha256_of_file

torch = pytest.importorskip("torch")


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Iterator[BaseModel]:
    """The shipped base model, made anew."""
    made = obtain_base_model(tmp_path_factory.mktemp("checkpoints"))
    yield made
    made.path.unlink()


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the checkpoint be a hundred bytes."""

    def write(path: Path, narrow: object, told: object) -> None:
        path.write_bytes(b"x" * 100)

    monkeypatch.setattr(checkpoint, "write_checkpoint", write)


def test_the_shipped_weights_give_the_same_bytes_everywhere(model: BaseModel) -> None:
    record = shipped.read_record()
    assert model.made
    assert model.sha256 == record.checkpoint_sha256 == sha256_of_file(model.path)
    assert model.size == record.checkpoint_size == model.path.stat().st_size


def test_the_shipped_weights_are_light_and_their_making_is_recorded() -> None:
    record = shipped.read_record()
    assert shipped.WEIGHTS.stat().st_size == record.size < 60_000_000
    told = record.told
    assert told["command"].startswith("python3 -m bespoke_core base train --steps ")
    assert told["seconds"] > 0
    assert told["device"]
    assert told["loss"][0][1] > told["loss"][-1][1] > 0
    assert told["loss"][-1][0] == told["steps"]


def test_a_second_call_finds_the_file_and_does_not_make_it_again(model: BaseModel) -> None:
    before = model.path.stat().st_mtime_ns
    again = obtain_base_model(model.path.parent)
    assert (model.made, again.made) == (True, False)
    assert again.path.stat().st_mtime_ns == before
    assert again.sha256 == model.sha256


def test_the_file_says_what_it_is(model: BaseModel) -> None:
    from safetensors import safe_open

    with safe_open(model.path, "np") as file:
        metadata = file.metadata()
        kinds = {file.get_slice(key).get_dtype() for key in file.keys()}  # noqa: SIM118 (not a dict)
    assert metadata["modelspec.architecture"] == "stable-diffusion-v1"
    assert metadata["modelspec.title"] == "Bespoke base"
    assert metadata["modelspec.license"] == "Apache-2.0"
    assert metadata["modelspec.resolution"] == "192x192"
    assert metadata["modelspec.prediction_type"] == "epsilon"
    assert json.loads(metadata["bespoke.recipe"]) == shipped.read_record().told["recipe"]
    assert metadata["bespoke.weights_sha256"] == shipped.read_record().sha256
    assert kinds == {"F16", "F32"}


def test_training_loads_it_and_it_guesses_noise(model: BaseModel, tokenizer: str) -> None:
    from bespoke_core.base.contexts import encode_all
    from bespoke_core.base.drawings import draw
    from bespoke_core.base.train import latents_of
    from bespoke_core.training.base_model import load_base
    from bespoke_core.training.noise import add_noise, alphas_cumprod

    base = load_base(model.path)
    one = draw(12, 99)
    latents = latents_of(np.stack([one.pixels]))
    noise = torch.randn(latents.shape, generator=torch.Generator().manual_seed(0))
    times = torch.tensor([400])
    noisy = add_noise(latents, noise, times, alphas_cumprod())
    context = encode_all([one.caption], tokenizer_path=tokenizer).float()
    with torch.no_grad():
        guess = base.unet(noisy, times, context).sample
    # An untrained network is off by the noise itself, whose mean square is 1.
    assert (guess - noise).square().mean() < 0.2


def test_its_text_encoder_is_the_one_that_it_was_trained_with(model: BaseModel, tokenizer: str) -> None:
    from bespoke_core.base.contexts import encode_all
    from bespoke_core.tokenizer import load_tokenizer
    from bespoke_core.training.base_model import load_base

    prompt = "pixel art, portrait of punk lady, bright green background"
    ids = load_tokenizer(Path(tokenizer))(
        prompt, padding="max_length", max_length=77, return_tensors="pt"
    ).input_ids
    with torch.no_grad():
        whole = load_base(model.path).text_encoder(ids).last_hidden_state
    assert (whole - encode_all([prompt], tokenizer_path=tokenizer).float()).abs().max() < 0.01


def test_own_weights_make_a_checkpoint_with_the_recorded_bytes(packed: Path, tmp_path: Path) -> None:
    made = obtain_base_model(tmp_path, weights=packed)
    assert made.sha256 == shipped.read_record(packed).checkpoint_sha256 == sha256_of_file(made.path)
    assert obtain_base_model(tmp_path, weights=packed) == BaseModel(
        made.path, made.version, made.size, made.sha256, made=False
    )
    made.path.unlink()


@pytest.mark.usefixtures("small")
def test_a_damaged_checkpoint_is_made_again(packed: Path, tmp_path: Path) -> None:
    first = obtain_base_model(tmp_path, weights=packed)
    first.path.write_bytes(b"y" * first.size)  # the same size, other content
    again = obtain_base_model(tmp_path, weights=packed)
    assert again.made
    assert again.path.read_bytes() == b"x" * 100
    for stamp in ("", "[]", '{"size": 100}', "null"):
        first.path.with_suffix(".json").write_text(stamp, encoding="utf-8")
        assert obtain_base_model(tmp_path, weights=packed).made, stamp
    assert not obtain_base_model(tmp_path, weights=packed).made


@pytest.mark.usefixtures("small")
def test_other_weights_make_another_checkpoint(own_weights: Path, tmp_path: Path) -> None:
    obtain_base_model(tmp_path, weights=own_weights)
    data = own_weights.read_bytes()
    changed = data[:-2] + bytes(2)
    own_weights.write_bytes(changed)
    record = shipped.record_path(own_weights)
    told = json.loads(record.read_text(encoding="utf-8"))
    told["sha256"] = hashlib.sha256(changed).hexdigest()
    record.write_text(json.dumps(told), encoding="utf-8")
    assert obtain_base_model(tmp_path, weights=own_weights).made


def test_an_interrupted_write_leaves_no_file(
    packed: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(path: Path, narrow: object, told: object) -> None:
        path.write_bytes(b"half")
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(checkpoint, "write_checkpoint", broken)
    with pytest.raises(OSError, match="No space"):
        obtain_base_model(tmp_path, weights=packed)
    assert list(tmp_path.iterdir()) == []


def refusal(weights: Path, folder: Path) -> str:
    with pytest.raises(InputError) as told:
        obtain_base_model(folder / "models", weights=weights)
    assert not list((folder / "models").glob("*"))
    return str(told.value)


@pytest.mark.parametrize("damage", ["flipped", "truncated", "empty", "pointer", "missing"])
def test_damaged_weights_are_refused_by_name_with_both_hashes_and_the_remedy(
    damage: str, own_weights: Path, tmp_path: Path
) -> None:
    data = own_weights.read_bytes()
    pointer = b"version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 5\n"
    middle = len(data) // 2
    flipped = data[:middle] + bytes([data[middle] ^ 1]) + data[middle + 1 :]
    other = {"flipped": flipped, "truncated": data[:middle], "empty": b"", "pointer": pointer}.get(damage)
    if other is None:
        own_weights.unlink()
    else:
        own_weights.write_bytes(other)
    text = refusal(own_weights, tmp_path)
    assert str(own_weights) in text
    assert "Copy it again" in text
    if other is not None:
        assert hashlib.sha256(other).hexdigest() in text
        assert hashlib.sha256(data).hexdigest() in text
    words = {
        "flipped": "is damaged or another file",
        "truncated": f"is truncated: {middle} of {len(data)} bytes",
        "empty": "is truncated: 0 of",
        "pointer": "is a pointer of Git LFS",
        "missing": "is missing",
    }
    assert words[damage] in text


@pytest.mark.parametrize("content", [None, "", "{}", "[1]", '{"sha256": "0", "size": 1, "checkpoint": 3}'])
def test_a_damaged_record_is_refused_by_name(content: str | None, own_weights: Path, tmp_path: Path) -> None:
    record = shipped.record_path(own_weights)
    if content is None:
        record.unlink()
    else:
        record.write_text(content, encoding="utf-8")
    text = refusal(own_weights, tmp_path)
    assert str(record) in text
    assert "record" in text


def test_the_remedy_for_a_shipped_file_can_be_typed_as_it_stands(pack: Path) -> None:
    text = shipped.remedy(shipped.WEIGHTS)
    assert "git checkout -- bespoke_core/base/weights/denoiser.safetensors" in text
    assert shipped.WEIGHTS.is_relative_to(pack)


def test_too_little_disk_is_told_before_the_work(
    packed: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    usage = namedtuple("usage", "total used free")
    monkeypatch.setattr(shutil, "disk_usage", lambda path: usage(10**12, 10**12 - 10**8, 10**8))
    monkeypatch.setattr(checkpoint, "read_weights", lambda path: pytest.fail("the work has begun"))
    text = refusal(packed, tmp_path)
    assert "100 MB free and the base model needs 361 MB" in text
    assert str(tmp_path / "models") in text


def test_too_little_memory_is_told_before_the_work(
    packed: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(memory, "available_memory", lambda: 200_000_000)
    monkeypatch.setattr(checkpoint, "read_weights", lambda path: pytest.fail("the work has begun"))
    assert "needs about 0.7 GB of memory and 0.2 GB are available" in refusal(packed, tmp_path)


def test_the_order_of_the_arrays_does_not_change_the_file(tmp_path: Path) -> None:
    from safetensors.numpy import load_file

    arrays = {"b": np.ones(3, np.float16), "a": np.arange(4, dtype=np.float32).reshape(2, 2)}
    checkpoint.write_safetensors(tmp_path / "1", arrays.items(), {"y": "1", "x": "2"})
    checkpoint.write_safetensors(tmp_path / "2", reversed(arrays.items()), {"x": "2", "y": "1"})
    assert (tmp_path / "1").read_bytes() == (tmp_path / "2").read_bytes()
    back = load_file(tmp_path / "1")
    assert all(np.array_equal(back[key], arrays[key]) for key in arrays)
