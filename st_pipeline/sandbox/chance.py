"""Chance that repeats itself: the one place that makes a Random, so that the same words give the same draws."""

from __future__ import annotations

from random import Random


def seeded(*parts: object) -> Random:
    """A Random that is decided by its parts; not for secrets."""
    return Random("/".join(str(part) for part in parts))  # noqa: S311  (data for tests, not keys)
