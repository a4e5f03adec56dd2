"""What the nodes that score have in common: the VAE's floor, and what they show."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from comfy_api.latest import io, ui

from .host import roots, sheets_tensor, stop_if_cancelled, to_tensor, to_uint8

if TYPE_CHECKING:
    import numpy as np
    import torch
    from PIL.Image import Image

    from ..bespoke_core.scoring.reference import ReferenceStatistics
    from ..bespoke_core.scoring.score import Scores
    from ..bespoke_core.scoring.vae_floor import VaeFloor

MOST_EXPLAINED = 16
"""Pictures that are shown with what was judged; the scores are of all."""
MOST_RECORDS = 5000
"""Records that the node shows and the history keeps; the files hold all of them."""
MOST_ART = 24
"""Pictures of the training set that go through the VAE, evenly spread over the folder."""

EXPLAINED = (
    f"The first {MOST_EXPLAINED} pictures with the regions that were judged outlined and the colours that "
    "were found."
)


def vae_input() -> io.Vae.Input:
    """Return the input for the VAE whose floor is measured."""
    return io.Vae.Input(
        "vae",
        optional=True,
        tooltip="With a training set: up to "
        f"{MOST_ART} of its pictures are encoded and decoded once by this VAE and scored, too. What lies at "
        "or under that says nothing about the LoRA.",
    )


@dataclass(frozen=True)
class Scoring:
    """How the pictures of a node are scored, and what they are compared with."""

    size: tuple[int, int]
    method: str
    art: Path | None
    reference: ReferenceStatistics | None
    vae: Any

    @classmethod
    def read(cls, size: tuple[int, int], method: str, training_set: str, vae: Any) -> Scoring:
        """Read the training set after checking that it may be read."""
        from ..bespoke_core.scoring.reference import read_reference

        art = roots().readable(training_set, field="training_set") if training_set else None
        return cls(size, method, art, read_reference(art, size=size, method=method) if art else None, vae)

    def options(self) -> dict[str, Any]:
        """Return what the library's functions want."""
        return {"size": self.size, "method": self.method, "reference": self.reference}

    def draw(self, picture: np.ndarray, prompt: str | None) -> Image:
        """Return a picture with what was judged drawn over it."""
        from ..bespoke_core.scoring.explain import explain

        return explain(picture, prompt=prompt or "", size=self.size)

    def sprite(self, picture: np.ndarray) -> np.ndarray:
        """Return a picture as the sprite whose colours are counted."""
        from ..bespoke_core.sprites.downscale import downscale

        sprite: np.ndarray = downscale(picture[None], self.size, self.method)[0]
        return sprite

    def floor(self, picture: np.ndarray) -> VaeFloor | None:
        """Return what one trip through the VAE makes of the training set at a picture's size.

        None without a VAE or a training set.
        """
        from ..bespoke_core.scoring.vae_floor import measure_vae_floor
        from ..bespoke_core.sprites.pictures import list_pictures, read_picture

        if self.vae is None or self.art is None:
            return None
        paths = list_pictures([self.art])
        art = (read_picture(path) for path in paths[:: -(-len(paths) // MOST_ART)])
        shape = picture.shape[1], picture.shape[0]
        return measure_vae_floor(art, self._round_trip, shape=shape, size=self.size, method=self.method)

    def _round_trip(self, pictures: np.ndarray) -> np.ndarray:
        stop_if_cancelled()
        back = self.vae.decode(self.vae.encode(to_tensor(pictures)))
        return to_uint8(back.reshape(-1, *back.shape[-3:]))  # a VAE for videos gives one axis more


def shown_scores(
    scores: Sequence[Scores],
    records: Sequence[dict[str, Any]],
    sheets: Sequence[Image],
    floor: VaeFloor | None,
) -> tuple[torch.Tensor, dict[str, Any]]:
    """Return the explained pictures as an IMAGE batch, and what the node shows and the history keeps."""
    from ..bespoke_core.scoring.summary import scores_text

    explained = sheets_tensor(sheets)
    shown = {
        "text": (scores_text(scores, floor=floor),),
        "images": ui.PreviewImage(explained).as_dict()["images"],
        "bespoke_scores": list(records[:MOST_RECORDS]),
        "bespoke_vae_floor": [floor.to_dict()] if floor is not None else [],
    }
    return explained, shown
