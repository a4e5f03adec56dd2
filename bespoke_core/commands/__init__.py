"""The command line's verbs, one function a verb, one module a topic.

A module is imported when its verb runs, so that `bespoke --help` and the two start-up verbs need nothing but
the standard library.
"""

from __future__ import annotations

import argparse
import importlib
from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True)
class Verb:
    """One verb: its name, its one-line help, and the module whose `<name>_options` and `<name>` serve it."""

    name: str
    help: str
    module: str

    def _function(self, suffix: str = "") -> Callable:
        return getattr(importlib.import_module(f".{self.module}", __package__), self.name + suffix)

    def options(self, parser: argparse.ArgumentParser) -> None:
        """Add the verb's options to its parser."""
        self._function("_options")(parser)

    def run(self, arguments: argparse.Namespace) -> int:
        """Run the verb; the return value is the exit code."""
        return self._function()(arguments)


VERBS = (
    Verb("audit", "find what is wrong in a folder of captions", "captions"),
    Verb("clean", "clean the captions of a folder, into a new folder or in place with a backup", "captions"),
    Verb("restore", "bring back the captions that `clean --in-place` changed", "captions"),
    Verb("train", "train a LoRA from a TOML file", "training"),
    Verb("resume", "go on with an interrupted training run", "training"),
    Verb("keys", "list every key of a training configuration, with default, range and help", "training_keys"),
    Verb("downscale", "shrink pictures to true sprites", "sprites"),
    Verb("score", "score pictures", "sprites"),
    Verb("sweep", "run a sweep plan on a ComfyUI server", "evaluation"),
    Verb("verdict", "say which checkpoint to use, and how sure that is", "evaluation"),
    Verb("report", "write the report of a sweep", "evaluation"),
    Verb("sheet", "write how to use the chosen LoRA on one page, from a study sweep", "sheet"),
    Verb("choose", "copy the recommended checkpoint to a clear name, with its verdict", "choose"),
    Verb("export", "write the results of every sweep as one table: CSV, JSON or Parquet", "export"),
    Verb("base", "train, pack and measure the small base model", "base"),
    Verb("demo", "set everything up and run the whole loop", "quickstart"),
    Verb("test", "set everything up and run every test", "quickstart"),
    Verb("doctor", "say what is missing or wrong in this installation", "quickstart"),
)
