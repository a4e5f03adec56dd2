"""The drawn picture beside the one that ComfyUI's own nodes draw with the same file."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from bespoke_core.sampling.drawing import draw_prompts
from bespoke_core.sampling.prompts import SamplePrompt, read_sample_prompts
from bespoke_core.training.kohya_file import save_lora
from bespoke_core.training.session import Session

pytestmark = pytest.mark.slow

PROMPTS = (
    """
pixel art, lad, red hair, green background --d 7 --s 4 --l 4
pixel art, (lad:1.3), ((red hair)), hat \\(old\\) --n blue, (brown:0.5) --d 18446744073709551615 --s 3 --w 128
"""
    + ", ".join(["pixel art, (tall:1.2) lady, brown hair with a bow, gold earrings"] * 8)
    + " --s 3 --l 1 --h 72"
)
NODES = """
import json, sys
from pathlib import Path
comfyui, base, lora, asked, written, skips = sys.argv[1:]
sys.path.insert(0, comfyui)
sys.argv = sys.argv[:1]
import comfy.options
import comfy.cli_args
args = comfy.cli_args.args
args.cpu = args.force_fp32 = args.fp32_text_enc = args.fp32_vae = True
import folder_paths, nodes, numpy as np, torch
torch.set_num_threads(1)
folder_paths.add_model_folder_path("checkpoints", str(Path(base).parent))
folder_paths.add_model_folder_path("loras", str(Path(lora).parent))
pictures, texts = {}, nodes.CLIPTextEncode()
with torch.inference_mode():
    model, clip, vae = nodes.CheckpointLoaderSimple().load_checkpoint(Path(base).name)
    model, clip = nodes.LoraLoader().load_lora(model, clip, Path(lora).name, 1.0, 1.0)
    for number, one, skip in [(n, o, s) for n, o in enumerate(json.loads(asked)) for s in json.loads(skips)]:
        (skipped,) = nodes.CLIPSetLastLayer().set_last_layer(clip, -skip)
        (positive,), (negative,) = (texts.encode(skipped, one[k]) for k in ("text", "negative"))
        (latent,) = nodes.EmptyLatentImage().generate(one["width"], one["height"])
        (latent,) = nodes.KSampler().sample(model, one["seed"], one["steps"], one["cfg"], "euler", "normal",
                                            positive, negative, latent)
        (image,) = nodes.VAEDecode().decode(vae, latent)
        pictures[f"{number}:{skip}"] = np.clip(255.0 * image[0].cpu().numpy(), 0, 255).astype(np.uint8)
np.savez(written, **pictures)
"""


def filled(session: Session) -> None:
    """Give every matrix of the LoRA random values, small enough for the pictures to stay pictures."""
    chance = torch.Generator().manual_seed(1)
    matrices = session.network.tensors()
    session.network.load({k: torch.randn(m.shape, generator=chance) * 0.08 for k, m in matrices.items()})


def drawn_by_comfyui(
    comfyui: Path, base: Path, lora: Path, prompts: Sequence[SamplePrompt], skips: Sequence[int], folder: Path
) -> dict[str, np.ndarray]:
    script, written = folder / "draw.py", folder / "theirs.npz"
    script.write_text(NODES, encoding="utf-8")
    asked = json.dumps([vars(prompt) for prompt in prompts])
    command = [sys.executable, script, comfyui, base, lora, asked, written, json.dumps(skips)]
    done = subprocess.run(
        [str(part) for part in command],
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
        env={**os.environ, "OMP_WAIT_POLICY": "PASSIVE"},
        cwd=folder,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    with np.load(written) as found:
        return dict(found)


def test_the_picture_is_the_one_that_comfyui_draws_with_the_epochs_file(
    make_session: Callable[..., Session], nano_base: Path, tokenizer_folder: Path, tmp_path: Path
) -> None:
    """At most 1 of 256 levels in any pixel, and most pixels equal: sums are made in another order."""
    session = make_session(
        pretrained_model_name_or_path=str(nano_base), save_precision="fp16", sample_prompts=PROMPTS
    )
    prompts = read_sample_prompts(session.config)
    untrained = draw_prompts(session, prompts)
    filled(session)
    lora = tmp_path / "lora.safetensors"
    save_lora(lora, session.network, precision="fp16", metadata={})
    comfyui = tokenizer_folder.parents[1]
    theirs = drawn_by_comfyui(comfyui, nano_base, lora, prompts, [1, 2], tmp_path)
    for skip in (1, 2):
        config = session.config.model_copy(update={"clip_skip": skip})
        ours = draw_prompts(replace(session, plan=replace(session.plan, config=config)), prompts)
        for number, (picture, plain) in enumerate(zip(ours, untrained, strict=True)):
            assert picture is not None and plain is not None
            difference = np.abs(picture.astype(int) - theirs[f"{number}:{skip}"])
            assert difference.max() <= 1, f"prompt {number}, clip_skip {skip}"
            assert (difference == 0).mean() > 0.9
            assert np.abs(picture.astype(int) - plain).mean() > 5, "the LoRA must show to be compared"
