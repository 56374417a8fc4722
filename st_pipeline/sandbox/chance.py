"""Repeatable randomness: the only place that creates a Random, so the same parts give the same draws."""

from __future__ import annotations

from random import Random


def seeded(*parts: object) -> Random:
    """A Random seeded by its parts; not for secrets."""
    return Random("/".join(str(part) for part in parts))  # noqa: S311  (data for tests, not keys)
