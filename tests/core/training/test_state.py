"""The state of a run: what is written comes back, and what cannot be used is said."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from bespoke_core.errors import InputError
from bespoke_core.training.errors import TrainingError
from bespoke_core.training.state import Place, Stateful, load_state, read_state, save_state
from bespoke_core.training.state_header import STATE_FILE, find_state, read_header


class Network:
    """Two matrices that are trained."""

    def __init__(self, seed: int, size: int = 3) -> None:
        chance = torch.Generator().manual_seed(seed)
        self.matrices = {
            f"m{n}": torch.nn.Parameter(torch.randn(size, size, generator=chance)) for n in (0, 1)
        }

    def tensors(self) -> dict[str, torch.Tensor]:
        return {key: value.detach() for key, value in self.matrices.items()}

    def load(self, tensors: dict[str, torch.Tensor]) -> None:
        with torch.no_grad():
            for key, value in self.matrices.items():
                value.copy_(tensors[key])


def parts(seed: int, size: int = 3, rate: float = 0.1) -> Stateful:
    network: Any = Network(seed, size)
    optimizer = torch.optim.AdamW(network.matrices.values(), lr=rate)
    schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda step: 1 / (1 + step))
    return Stateful(network, optimizer, schedule)


def step(one: Stateful, seed: int) -> None:
    chance = torch.Generator().manual_seed(seed)
    network: Any = one.network
    for matrix in network.matrices.values():
        matrix.grad = torch.randn(matrix.shape, generator=chance)
    one.optimizer.step()
    one.scheduler.step()


@settings(max_examples=25, deadline=None)
@given(
    steps=st.integers(0, 5),
    place=st.builds(
        Place,
        epoch=st.integers(1, 10**6),
        batch=st.integers(0, 10**6),
        step=st.integers(0, 10**9),
        loss_sum=st.floats(0, 1e9),
        loss_count=st.integers(0, 10**6),
    ),
)
def test_what_goes_on_from_a_state_is_what_went_on_without_it(
    tmp_path_factory: pytest.TempPathFactory, steps: int, place: Place
) -> None:
    path = tmp_path_factory.mktemp("state") / "state.safetensors"
    one, other = parts(1), parts(2)
    for number in range(steps):
        step(one, number)
    save_state(path, place, one, fingerprint="a")
    assert load_state(read_state(path, fingerprint="a"), other, path=path) == place
    for number in (7, 8):
        step(one, number)
        step(other, number)
    for key, value in one.network.tensors().items():
        assert torch.equal(value, other.network.tensors()[key])
    assert one.scheduler.get_last_lr() == other.scheduler.get_last_lr()


def test_another_runs_state_leaves_this_runs_rates(tmp_path: Path) -> None:
    path = tmp_path / "state.safetensors"
    former, new = parts(1, rate=0.1), parts(2, rate=0.01)
    for number in range(3):
        step(former, number)
    save_state(path, Place(step=3), former, fingerprint="a")
    load_state(read_state(path), new, path=path, own_rates=True)
    assert new.optimizer.param_groups[0]["lr"] == pytest.approx(0.01 / 4)
    step(new, 9)
    assert new.optimizer.param_groups[0]["lr"] == pytest.approx(0.01 / 5)


@pytest.mark.parametrize("bad", [float("nan"), float("inf")])
def test_a_state_with_no_number_in_it_is_not_written_over_a_good_one(tmp_path: Path, bad: float) -> None:
    path, one = tmp_path / "state.safetensors", parts(1)
    step(one, 1)
    save_state(path, Place(), one, fingerprint="a")
    before = path.read_bytes()
    next(iter(one.optimizer.state.values()))["exp_avg"][0, 0] = bad
    with pytest.raises(TrainingError, match="state before this step is kept"):
        save_state(path, Place(step=9), one, fingerprint="a")
    assert path.read_bytes() == before and not list(tmp_path.glob(".*"))


def test_a_state_that_does_not_belong_here_is_refused_with_the_reason(tmp_path: Path) -> None:
    path = tmp_path / "state.safetensors"
    save_state(path, Place(), parts(1), fingerprint="a")
    with pytest.raises(InputError, match="another configuration"):
        read_state(path, fingerprint="b")
    with pytest.raises(InputError, match="network of another size"):
        load_state(read_state(path), parts(1, size=4), path=path)
    whole = path.read_bytes()
    path.write_bytes(whole[:-8])
    with pytest.raises(InputError, match="not a whole training state"):
        read_state(path)
    path.write_bytes(whole[:-1] + bytes([whole[-1] ^ 1]))
    with pytest.raises(InputError, match=r"does not hold the numbers that were written.*--anew"):
        read_state(path)
    length = int.from_bytes(whole[:8], "little")
    header = json.loads(whole[8 : 8 + length])
    told = json.loads(header["__metadata__"]["bespoke"])
    header["__metadata__"]["bespoke"] = json.dumps({**told, "form": 99})
    text = json.dumps(header).encode()
    path.write_bytes(len(text).to_bytes(8, "little") + text + whole[8 + length :])
    with pytest.raises(InputError, match="another version of Bespoke"):
        read_header(path)


def test_a_runs_state_is_found_by_its_folder_and_kohyas_is_explained(tmp_path: Path) -> None:
    file = tmp_path / STATE_FILE
    file.parent.mkdir()
    file.write_bytes(b"")
    assert find_state(tmp_path) == find_state(file.parent) == find_state(file) == file
    kohya = tmp_path / "name-state"
    kohya.mkdir()
    (kohya / "train_state.json").write_text("{}", encoding="utf-8")
    with pytest.raises(InputError, match="network_weights"):
        find_state(kohya)
    with pytest.raises(InputError, match="holds no training state"):
        find_state(tmp_path / "nowhere")
