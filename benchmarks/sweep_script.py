"""The rival of sweep_overhead.py: the script that people write to test their epochs, in a process of its own.

For each epoch it loads the diffusers pipeline anew, loads the LoRA into it, and draws one picture after the
other; each is saved, shrunk to 24x24 and its colours counted. Started with its job as JSON; it answers on
standard output with the seconds from the first load to the last picture: Python's own start is not counted.
"""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path
from typing import Any

JOB = json.loads(sys.argv[1])
sys.path.insert(0, JOB["path"])

import numpy as np  # noqa: E402
import torch  # noqa: E402
from diffusers import EulerDiscreteScheduler, StableDiffusionPipeline  # noqa: E402
from PIL import Image  # noqa: E402

from bespoke_core.tokenizer import load_tokenizer  # noqa: E402
from bespoke_core.training.base_model import load_base, load_decoder  # noqa: E402


def pipeline() -> Any:
    """Load the checkpoint; by our reader, since diffusers knows SD1.5's own size alone."""
    base = load_base(Path(JOB["base"]))
    pipe: Any = StableDiffusionPipeline(
        vae=load_decoder(Path(JOB["base"])).model,
        text_encoder=base.text_encoder,
        tokenizer=load_tokenizer(Path(JOB["tokenizer"])),
        unet=base.unet,
        scheduler=EulerDiscreteScheduler(
            beta_start=0.00085, beta_end=0.012, beta_schedule="scaled_linear", timestep_spacing="linspace"
        ),
        safety_checker=None,
        feature_extractor=None,
        requires_safety_checker=False,
    )
    pipe.set_progress_bar_config(disable=True)
    return pipe


def main() -> None:
    """Draw all pictures and tell the seconds."""
    torch.set_num_threads(JOB["threads"])
    out = Path(JOB["out"])
    out.mkdir(parents=True, exist_ok=True)
    start = time.perf_counter()
    colors = []
    for epoch in JOB["epochs"]:
        pipe = pipeline()
        pipe.load_lora_weights(str(Path(epoch).parent), weight_name=Path(epoch).name)
        for number, prompt in enumerate(JOB["prompts"]):
            for seed in JOB["seeds"]:
                picture = pipe(
                    prompt,
                    negative_prompt=JOB["negative_prompt"],
                    width=JOB["size"],
                    height=JOB["size"],
                    num_inference_steps=JOB["steps"],
                    guidance_scale=7.5,
                    generator=torch.Generator().manual_seed(seed),
                ).images[0]
                picture.save(out / f"{Path(epoch).stem}_{number}_{seed}.png")
                sprite = np.asarray(picture.resize((24, 24), Image.Resampling.NEAREST)).reshape(-1, 3)
                colors.append(len(np.unique(sprite, axis=0)))
    print(json.dumps({"seconds": time.perf_counter() - start, "unique_colors": colors}))


if __name__ == "__main__":
    main()
