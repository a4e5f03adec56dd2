"""How a run judges its epochs while it trains."""

from __future__ import annotations

from .fields import Keys


class JudgingKeys(Keys):
    """How a run judges its epochs while it trains."""
