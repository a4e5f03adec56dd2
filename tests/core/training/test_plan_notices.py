"""What is said of keys that do less, or something else, than they say."""

from __future__ import annotations

import importlib.util
from typing import Any

import pytest

from bespoke_core.training.config import from_values
from bespoke_core.training.plan_notices import notices_of, wanted_trackers


@pytest.mark.parametrize(
    ("keys", "wanted"),
    [
        ({}, []),
        ({"logging_dir": "logs"}, ["tensorboard"]),
        ({"log_with": "wandb"}, ["wandb"]),
        ({"log_with": "all", "logging_dir": "logs"}, ["tensorboard", "wandb"]),
    ],
)
def test_a_tracker_that_is_not_installed_is_told_once(
    keys: dict[str, Any], wanted: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    config = from_values(keys)
    assert wanted_trackers(config) == wanted
    told = [notice for notice in notices_of(config) if "not installed" in notice]
    assert [notice.split()[0] for notice in told] == wanted


def test_a_step_to_skip_to_that_is_not_given_is_told() -> None:
    assert any("skip_until" in text for text in notices_of(from_values({"skip_until_initial_step": True})))
    given = from_values({"skip_until_initial_step": True, "initial_step": 3})
    assert not any("skip_until" in text for text in notices_of(given))
