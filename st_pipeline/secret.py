"""A value that must never be shown.

Only the type: tenants/vault.py encrypts, settings.py reads the settings.
"""

from __future__ import annotations

from typing import Any


class Secret:
    """A string whose repr, str and format are ``***``; only ``reveal()`` returns the value.

    It cannot be pickled or written as JSON, so it cannot end up in a file inside another object.
    """

    __slots__ = ("_value",)

    def __init__(self, value: str) -> None:
        self._value = value

    def reveal(self) -> str:
        """The value, for the one call that needs it."""
        return self._value

    def __repr__(self) -> str:
        return "***"

    __str__ = __repr__

    def __format__(self, format_spec: str) -> str:
        return "***"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and self._value == other._value

    def __hash__(self) -> int:
        return hash(self._value)

    def __bool__(self) -> bool:
        return bool(self._value)

    def __reduce__(self) -> str | tuple[Any, ...]:
        raise TypeError("a Secret cannot be pickled: pass where it is stored instead")
