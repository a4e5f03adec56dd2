"""What kind of model a file of weights holds, told from the names in its header, for who chose a wrong one.

The signs are names that only one family has, as ComfyUI's model detection reads them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

_Shapes = Mapping[str, tuple[int, ...]]
UNET, VAE, CLIP = "model.diffusion_model.", "first_stage_model.", "cond_stage_model.transformer."
_TRANSFORMERS = tuple(
    prefix + part
    for prefix in ("", UNET, "net.", "model.")
    for part in ("blocks.0.", "layers.0.", "transformer_blocks.0.")
)


def _has(*parts: str) -> Callable[[_Shapes], bool]:
    """Return a test for a name that holds one of `parts`."""
    return lambda shapes: any(part in key for key in shapes for part in parts)


def _begins(*parts: str) -> Callable[[_Shapes], bool]:
    """Return a test for a name that begins with one of `parts`."""
    return lambda shapes: any(key.startswith(parts) for key in shapes)


def _all_begin(*parts: str) -> Callable[[_Shapes], bool]:
    return lambda shapes: all(key.startswith(parts) for key in shapes)


_KINDS: tuple[tuple[str, Callable[[_Shapes], bool]], ...] = (
    ("a file without any weights", lambda shapes: not shapes),
    ("a LoRA file", lambda s: _begins("lora_")(s) or _has(".lora_", ".lora.", ".lokr_", ".hada_")(s)),
    ("a ControlNet", _begins("control_model.", "controlnet_", "input_hint_block.")),
    ("a Flux model or one of its kin", _has("double_blocks.0.")),
    ("a Stable Diffusion 3 model", _has("joint_blocks.0.")),
    ("an SDXL model", lambda s: _begins("conditioner.embedders.")(s) or _has("label_emb.")(s)),
    ("a Stable Diffusion 2 model", _begins("cond_stage_model.model.")),
    ("a Stable Cascade model", _begins("clip_txt_mapper.", "down_blocks.0.0.channelwise.")),
    ("a textual-inversion embedding", _begins("emb_params", "string_to_param")),
    (
        "a UNet in diffusers' form, without VAE and text encoder",
        _begins("down_blocks.", "mid_block."),
    ),
    ("a VAE alone", _all_begin(VAE, "encoder.", "decoder.", "quant_conv.", "post_quant_conv.")),
    (
        "a text encoder alone",
        _begins("text_model.", "encoder.block.0.", "transformer.resblocks.", "model.layers."),
    ),
    ("a CLIP vision model", _begins("vision_model.", "visual.")),
    ("a UNet alone, without VAE and text encoder", _begins("input_blocks.0.")),
    ("an upscaling model", _begins("conv_first.", "model.0.", "model.1.sub.")),
    ("a diffusion transformer of another family", _begins(*_TRANSFORMERS)),
    ("another kind of model or only a part of one", lambda s: not _begins(UNET)(s)),
    ("a model without its text encoder", lambda s: not _begins(CLIP)(s)),
)
_QUANTISED = (".scale_weight", ".weight_scale", ".comfy_quant", ".absmax", ".quant_map", "scaled_fp8")
_FLOATS = {"F16", "BF16", "F32", "F64", "F8_E4M3", "F8_E5M2"}


def other_kind(shapes: _Shapes) -> str | None:
    """Return what the file is, with its article, when it is no whole SD1.5-like checkpoint; None when it is.

    Args:
        shapes: every tensor's shape by name.
    """
    for kind, is_it in _KINDS:
        if is_it(shapes):
            return kind
    first = shapes.get(UNET + "input_blocks.0.0.weight", ())
    if len(first) != 4:
        return "a model of another form"
    channels = first[1]
    if channels != 4:
        known = {8: ", as InstructPix2Pix has", 9: ", as inpainting models have"}.get(channels, "")
        return f"a model with {channels} input channels{known}"
    if len(shapes.get(UNET + "middle_block.1.proj_in.weight", ())) == 2:
        return "a model with linear projections (Stable Diffusion 2 or SDXL)"
    return None


def quantised(dtypes: Mapping[str, str]) -> str | None:
    """Return in which numbers a checkpoint's weights are, where those cannot be read as they are; else None.

    Plain floating-point numbers of 8 bits are read; whole numbers, and numbers with scales of their own, not.

    Args:
        dtypes: every tensor's number format by name, as safetensors calls it.
    """
    if any(key.endswith(_QUANTISED) for key in dtypes):
        return "numbers of 4 or 8 bits with scales of their own"
    parts = (UNET, VAE, CLIP)
    odd = {
        kind for key, kind in dtypes.items() if key.startswith(parts) and key.endswith((".weight", ".bias"))
    }
    odd -= _FLOATS
    return f"numbers of the kind {min(odd)}" if odd else None
