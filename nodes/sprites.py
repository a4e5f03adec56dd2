"""Nodes for sprites: shrink a picture to true pixel art."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from comfy_api.latest import io, ui

from ..bespoke_core.amounts import counted
from .host import METHODS, to_rgba8, to_tensor, to_uint8

if TYPE_CHECKING:
    import numpy as np

COMPOSITE, KEEP = "composite", "keep"


class Downscale(io.ComfyNode):
    """Shrinks pictures to sprites, and enlarges them again for the eye."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        """Describe the node."""
        return io.Schema(
            node_id="Bespoke_Downscale",
            display_name="Downscale to Sprite",
            category="Bespoke/sprites",
            description="Shrinks pictures to true sprites. 'grid' finds the pixel grid and merges colours "
            "that the autoencoder split; 'nearest' is the experiment's, pixel for pixel PIL's.",
            search_aliases=["pixelate", "pixel art", "24x24", "palette"],
            is_output_node=True,
            inputs=[
                io.Image.Input("images", tooltip="Pictures at full size."),
                io.Int.Input(
                    "width",
                    default=24,
                    min=0,
                    max=1024,
                    tooltip="Of the sprite, in pixels; 0: the size is found in the picture.",
                ),
                io.Int.Input(
                    "height",
                    default=24,
                    min=0,
                    max=1024,
                    tooltip="Of the sprite, in pixels; 0: the size is found in the picture.",
                ),
                io.Combo.Input(
                    "method", options=METHODS, default="grid", tooltip="How a cell becomes a pixel."
                ),
                io.Int.Input(
                    "colors", default=0, min=0, max=256, tooltip="At most this many colours; 0 leaves them."
                ),
                io.Int.Input(
                    "view_size",
                    default=480,
                    min=24,
                    max=4096,
                    tooltip="Longest side of the enlarged view in pixels; whole factors only.",
                ),
                io.String.Input(
                    "palette",
                    multiline=True,
                    default="",
                    optional=True,
                    placeholder="the only colours to use, such as #1a1c2c #5d275d; empty: its own",
                    tooltip="The only colours that the sprite may have, as codes such as #1a1c2c with "
                    "blanks, commas or new lines between. Empty: its own. Leave colors at 0 with it.",
                ),
                io.Combo.Input(
                    "alpha",
                    options=[COMPOSITE, KEEP],
                    default=COMPOSITE,
                    optional=True,
                    tooltip="Pictures with transparency: put on the background's colour, or kept so.",
                ),
                io.String.Input(
                    "background",
                    default="#ffffff",
                    optional=True,
                    tooltip="The colour under transparent pixels, for composite.",
                ),
            ],
            outputs=[
                io.Image.Output("sprite", tooltip="The true sprite."),
                io.Image.Output("view", tooltip="The sprite enlarged by a whole factor."),
                io.Int.Output("width", tooltip="Of the sprite, as given or found."),
                io.Int.Output("height", tooltip="Of the sprite, as given or found."),
            ],
        )

    @classmethod
    def execute(
        cls,
        images: Any,
        width: int,
        height: int,
        method: str,
        colors: int,
        view_size: int,
        palette: str = "",
        alpha: str = COMPOSITE,
        background: str = "#ffffff",
    ) -> io.NodeOutput:
        """Shrink and enlarge."""
        from ..bespoke_core.color.codes import parse_hex
        from ..bespoke_core.sprites.downscale import downscale
        from ..bespoke_core.sprites.palette import parse_palette
        from ..bespoke_core.sprites.view import enlarge

        pictures = to_rgba8(images) if images.shape[-1] == 4 else to_uint8(images)
        sprites = downscale(
            pictures,
            (width, height) if width and height else None,
            method,
            colors or None,
            palette=parse_palette(palette),
            background=None if alpha == KEEP else parse_hex(background),
        )
        found = sprites.shape[2], sprites.shape[1]
        view = to_tensor(enlarge(sprites, max(1, view_size // max(found))))
        told = [] if width and height else grids_found(to_uint8(images))
        shown = {
            "text": (said(found, told, sprites),),
            "images": ui.PreviewImage(view, cls=cls).as_dict()["images"],
            "bespoke_grid": told,
        }
        return io.NodeOutput(to_tensor(sprites), view, *found, ui=shown)


def grids_found(pictures: np.ndarray) -> list[dict[str, Any]]:
    """Return the pixel grid that was found in each picture, for the history."""
    from ..bespoke_core.sprites.search import search_grid

    return [asdict(grid) for picture in pictures if (grid := search_grid(picture)) is not None]


def said(size: tuple[int, int], grids: list[dict[str, Any]], sprites: np.ndarray) -> str:
    """Return what the node says of its sprites."""
    from ..bespoke_core.scoring.counting import count_colors

    counts = count_colors(sprites[..., :3])
    low, high = int(counts.min()), int(counts.max())
    shades = counted(low, "colour") if low == high else f"{low} to {high} colours"
    text = f"{size[0]} x {size[1]}, {shades}"
    if grids:
        sure, cell = min(grid["confidence"] for grid in grids), grids[0]["cell"]
        text += f"\nThe size was found in the picture: cells of {cell[0]:.2f} x {cell[1]:.2f} pixels, "
        text += f"confidence {sure:.2f} of 1"
        text += f" (the lowest of {len(grids)} pictures)" if len(grids) > 1 else ""
    return text
