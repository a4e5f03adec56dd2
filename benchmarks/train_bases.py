"""A checkpoint of SD1.5's full size with random weights, and sprites with captions, for timing trainers."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from safetensors.torch import load_file, save_file

from bespoke_core.training.layout import UNET

WIDTH, LEVELS, BLOCKS, TEXT = 320, (1, 2, 4, 4), 2, 768
WORDS = ("red", "blue", "green", "hat", "hair", "shirt", "eyes", "beard", "smile", "crown", "pipe", "mask")


def write_full_base(path: Path, small: Path) -> None:
    """Write SD1.5's whole UNet with random float16 weights; the rest is the small base's."""
    chance = torch.Generator().manual_seed(0)
    found = {k: v for k, v in load_file(small).items() if not k.startswith(UNET)}
    for key, shape in unet_shapes():
        if key.endswith(".bias"):
            found[UNET + key] = torch.zeros(shape, dtype=torch.float16)
        elif len(shape) == 1:
            found[UNET + key] = torch.ones(shape, dtype=torch.float16)
        else:
            fan = int(np.prod(shape[1:]))
            found[UNET + key] = (torch.randn(shape, generator=chance) / (2 * fan) ** 0.5).half()
    save_file(found, path)


def unet_shapes() -> Iterator[tuple[str, tuple[int, ...]]]:
    """Yield the keys and shapes of SD1.5's UNet in the original code's names."""
    time = 4 * WIDTH
    yield from _layer("time_embed.0", time, WIDTH)
    yield from _layer("time_embed.2", time, time)
    yield from _layer("input_blocks.0.0", WIDTH, 4, 3, 3)
    number, width, kept = 1, WIDTH, [WIDTH]
    for level, times in enumerate(LEVELS):
        for _ in range(BLOCKS):
            yield from _residual(f"input_blocks.{number}.0", width, WIDTH * times)
            width = WIDTH * times
            if level < 3:
                yield from _attention(f"input_blocks.{number}.1", width)
            kept.append(width)
            number += 1
        if level < 3:
            yield from _layer(f"input_blocks.{number}.0.op", width, width, 3, 3)
            kept.append(width)
            number += 1
    yield from _residual("middle_block.0", width, width)
    yield from _attention("middle_block.1", width)
    yield from _residual("middle_block.2", width, width)
    number = 0
    for level, times in reversed(list(enumerate(LEVELS))):
        for block in range(BLOCKS + 1):
            yield from _residual(f"output_blocks.{number}.0", width + kept.pop(), WIDTH * times)
            width = WIDTH * times
            if level < 3:
                yield from _attention(f"output_blocks.{number}.1", width)
            if level and block == BLOCKS:
                place = 2 if level < 3 else 1
                yield from _layer(f"output_blocks.{number}.{place}.conv", width, width, 3, 3)
            number += 1
    yield from _layer("out.0", width)
    yield from _layer("out.2", 4, width, 3, 3)


def _layer(name: str, *shape: int, bias: bool = True) -> Iterator[tuple[str, tuple[int, ...]]]:
    yield f"{name}.weight", shape
    if bias:
        yield f"{name}.bias", shape[:1]


def _residual(name: str, inputs: int, outputs: int) -> Iterator[tuple[str, tuple[int, ...]]]:
    yield from _layer(f"{name}.in_layers.0", inputs)
    yield from _layer(f"{name}.in_layers.2", outputs, inputs, 3, 3)
    yield from _layer(f"{name}.emb_layers.1", outputs, 4 * WIDTH)
    yield from _layer(f"{name}.out_layers.0", outputs)
    yield from _layer(f"{name}.out_layers.3", outputs, outputs, 3, 3)
    if inputs != outputs:
        yield from _layer(f"{name}.skip_connection", outputs, inputs, 1, 1)


def _attention(name: str, width: int) -> Iterator[tuple[str, tuple[int, ...]]]:
    yield from _layer(f"{name}.norm", width)
    yield from _layer(f"{name}.proj_in", width, width, 1, 1)
    block = f"{name}.transformer_blocks.0"
    for kind, source in (("attn1", width), ("attn2", TEXT)):
        yield from _layer(f"{block}.{kind}.to_q", width, width, bias=False)
        yield from _layer(f"{block}.{kind}.to_k", width, source, bias=False)
        yield from _layer(f"{block}.{kind}.to_v", width, source, bias=False)
        yield from _layer(f"{block}.{kind}.to_out.0", width, width)
    yield from _layer(f"{block}.ff.net.0.proj", 8 * width, width)
    yield from _layer(f"{block}.ff.net.2", width, 4 * width)
    for number in (1, 2, 3):
        yield from _layer(f"{block}.norm{number}", width)
    yield from _layer(f"{name}.proj_out", width, width, 1, 1)


def write_sprites(folder: Path, count: int, size: int, windows: int) -> Path:
    """Write `count` random sprites of `size` px with captions of 1 or 3 windows of 75 tokens.

    They lie in folder/1_sprites as kohya wants it, with a metadata.jsonl for the diffusers script.
    """
    chance, place = np.random.default_rng(0), folder / "1_sprites"
    place.mkdir(parents=True, exist_ok=True)
    rows = []
    for number in range(count):
        cells = chance.integers(0, 256, (24, 24, 3), dtype=np.uint8)
        Image.fromarray(cells).resize((size, size), Image.Resampling.NEAREST).save(
            place / f"s{number:03}.png"
        )
        # A word is a token and its comma another: 30 or 105 pairs lie well inside the first or third window.
        words = ", ".join(chance.choice(WORDS, 30 if windows == 1 else 105))
        (place / f"s{number:03}.txt").write_text(words, encoding="utf-8")
        rows.append(json.dumps({"file_name": f"s{number:03}.png", "text": words}))
    (place / "metadata.jsonl").write_text("\n".join(rows) + "\n", encoding="utf-8")
    return place
