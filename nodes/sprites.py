"""Nodes for sprites: shrink a picture to true pixel art."""

from __future__ import annotations

from typing import Any

from comfy_api.latest import io, ui

from .host import METHODS, to_tensor, to_uint8


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
            search_aliases=["pixelate", "pixel art", "24x24"],
            is_output_node=True,
            inputs=[
                io.Image.Input("images", tooltip="Pictures at full size."),
                io.Int.Input("width", default=24, min=1, max=1024, tooltip="Of the sprite, in pixels."),
                io.Int.Input("height", default=24, min=1, max=1024, tooltip="Of the sprite, in pixels."),
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
            ],
            outputs=[
                io.Image.Output("sprite", tooltip="The true sprite."),
                io.Image.Output("view", tooltip="The sprite enlarged by a whole factor."),
            ],
        )

    @classmethod
    def execute(
        cls, images: Any, width: int, height: int, method: str, colors: int, view_size: int
    ) -> io.NodeOutput:
        """Shrink and enlarge."""
        from ..bespoke_core.sprites.downscale import downscale
        from ..bespoke_core.sprites.view import enlarge

        sprites = downscale(to_uint8(images), size=(width, height), method=method, colors=colors or None)
        view = to_tensor(enlarge(sprites, max(1, view_size // max(width, height))))
        return io.NodeOutput(to_tensor(sprites), view, ui=ui.PreviewImage(view, cls=cls))
