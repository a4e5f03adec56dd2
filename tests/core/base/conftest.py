"""A base model small enough to train in seconds, and what is packed of it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from bespoke_core.base.recipe import Recipe

torch = pytest.importorskip("torch")


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    """Bits are compared, so the sums' order must not depend on how many cores there are."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="session")
def tokenizer(comfyui_folder: Path) -> str:
    """CLIP's tokenizer as ComfyUI brings it."""
    return str(comfyui_folder / "comfy" / "sd1_tokenizer")


@pytest.fixture(scope="session")
def tiny_recipe() -> Recipe:
    """Four steps of two of eight drawings."""
    return Recipe(steps=4, widths=(40, 40, 40), drawings=8, train_batch_size=2)


@pytest.fixture(scope="session")
def trained(tiny_recipe: Recipe, tokenizer: str, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a whole training by that recipe."""
    from bespoke_core.base.train import train

    folder = tmp_path_factory.mktemp("trained")
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    train(tiny_recipe, folder, device="cpu", tokenizer_path=tokenizer, tell=lambda line: None)
    torch.set_num_threads(before)
    return folder


@pytest.fixture(scope="session")
def packed(trained: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The packed weights of that training; their record lies beside them."""
    from bespoke_core.base.pack import pack
    from bespoke_core.base.shipped import WEIGHTS_NAME

    out = tmp_path_factory.mktemp("packed")
    pack(trained, out)
    return out / WEIGHTS_NAME


@pytest.fixture
def own_weights(packed: Path, tmp_path: Path) -> Path:
    """A copy of the packed weights and their record, to be damaged."""
    from bespoke_core.base.shipped import record_path

    copy = tmp_path / "weights" / packed.name
    copy.parent.mkdir()
    copy.write_bytes(packed.read_bytes())
    record_path(copy).write_bytes(record_path(packed).read_bytes())
    return copy
