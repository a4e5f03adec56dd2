"""What a file says about itself, and what reading a configuration had to say."""

from __future__ import annotations

from .fields import TRAINING, Keys, TextList, field

ABOUT_KEYS = (
    "training_comment",
    "no_metadata",
    "metadata_title",
    "metadata_author",
    "metadata_description",
    "metadata_license",
    "metadata_tags",
    "metadata_usage_hint",
    "metadata_trigger_phrase",
    "notices",
)
"""Keys that change what a file says and nothing in its weights."""

HIDDEN_KEYS = ("notices",)
"""Keys that nobody sets: they carry something from a file that was read to the run."""


class AboutKeys(Keys):
    """What a file says about itself, and what reading a configuration had to say."""

    training_comment: str = field(TRAINING, "", "A comment that is kept in the files (ss_training_comment).")
    no_metadata: bool = field(
        TRAINING,
        False,
        "Keep only what loaders need in the files, nothing about the data set or the settings.",
    )
    metadata_title: str = field(TRAINING, "", "The files' title; empty is output_name.")
    metadata_author: str = field(TRAINING, "", "Who made the LoRA, kept in the files.")
    metadata_description: str = field(TRAINING, "", "What the LoRA is, kept in the files.")
    metadata_license: str = field(TRAINING, "", "Its licence, kept in the files.")
    metadata_tags: str = field(TRAINING, "", "Tags of the LoRA with commas, kept in the files.")
    metadata_usage_hint: str = field(TRAINING, "", "How to use the LoRA, kept in the files.")
    metadata_trigger_phrase: str = field(TRAINING, "", "What a prompt should say, kept in the files.")
    notices: TextList = field(TRAINING, (), "What reading the configuration had to say; not for setting.")
