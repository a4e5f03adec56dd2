"""Bespoke as a ComfyUI extension; outside ComfyUI this module is empty and `bespoke_core` is used alone."""

import importlib.util

if importlib.util.find_spec("comfy_api") is not None:
    from .nodes import comfy_entrypoint

    WEB_DIRECTORY = "./web"
    __all__ = ["WEB_DIRECTORY", "comfy_entrypoint"]
