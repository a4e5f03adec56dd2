"""Drawing with the LoRA that is being trained, and judging its epochs by what is drawn.

This room stands above training and evaluation and knows both: it draws inside the training process with the
networks that are there anyway, scores the pictures as a sweep does, and says which epoch is the best and when
to stop. Training asks it through `training.judge.Judge` and never imports it; whoever starts a run hands it
in::

    train_here(config, run_folder, make_judge=make_judge)

A picture is that of ComfyUI's own nodes with the same file: LoraLoader (strength 1), CLIPTextEncode (with
CLIPSetLastLayer where clip_skip is above 1), KSampler (euler, normal) and VAEDecode. So prompts are read as
ComfyUI reads them: in windows of 77 tokens, each with its start and end, and with weights such as
``(green background:1.2)``. Training joins its windows as kohya does; for prompts of up to 75 tokens without
weights there is no difference. Where the base is not kept in 32 bits, numbers differ a little.
"""

from __future__ import annotations

from .make import make_judge

__all__ = ["make_judge"]
