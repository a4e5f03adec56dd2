"""Bespoke's library: captions, sprites, scores, LoRA training and the choice of a checkpoint.

Plain Python that never imports ComfyUI, usable alone and from the command line.
"""

__version__ = "0.1.0"
