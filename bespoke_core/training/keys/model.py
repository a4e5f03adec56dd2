"""The base model that a LoRA is trained on."""

from __future__ import annotations

from .fields import MODEL, Keys, field


class ModelKeys(Keys):
    """The base model that a LoRA is trained on."""

    pretrained_model_name_or_path: str = field(
        MODEL, "", "The Stable Diffusion 1.5 checkpoint to train on: a single .safetensors file."
    )
    v2: bool = field(MODEL, False, "Stable Diffusion 2: not supported, so it must stay false.")
    v_parameterization: bool = field(
        MODEL, False, "The base predicts velocity instead of noise; the loss then uses that target."
    )
    clip_skip: int = field(
        MODEL,
        1,
        "Take the text encoder's output this many layers before the end; 1 is the last layer.",
        "layers",
        ge=1,
        le=11,
    )
    tokenizer_path: str = field(
        MODEL, "", "Folder with the CLIP tokenizer (vocab.json, merges.txt); empty finds ComfyUI's own."
    )
