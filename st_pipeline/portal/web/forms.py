"""What all forms have in common. Each form is in its page's module; guards.py checks the CSRF token.

Secret fields are never rendered with a value, and ask browsers not to fill them in.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from wtforms import Form, PasswordField
from wtforms.fields.choices import SelectChoice  # pyright: ignore[reportAttributeAccessIssue]
from wtforms.validators import ValidationError

from st_pipeline.portal.web.visit import Visit
from st_pipeline.secret import Secret
from st_pipeline.tenants.errors import FieldInvalid


class PortalForm(Form):
    """A form of one visit: ``SomeForm.of(visit)`` reads what was sent, ``validate()`` says whether it is valid."""

    @classmethod
    def of(cls, visit: Visit, **values: Any) -> Any:
        """The form with the values that were sent on POST; otherwise with ``values``."""
        return cls(visit.form if visit.request.method == "POST" else None, data=values)


class SecretField(PasswordField):
    """A field for a secret that is never shown again. ``secret`` is what was entered."""

    @property
    def secret(self) -> Secret:
        """The entered secret; empty if nothing was entered."""
        return Secret(self.data or "")

    def __repr__(self) -> str:
        return f"SecretField({self.name})"


def choices(labels: Mapping[str, str]) -> list[SelectChoice]:
    """The choices of a SelectField: value -> label."""
    return [SelectChoice(value, label) for value, label in labels.items()]


def refuse(field: Any, problem: str) -> None:
    """Show this problem at the field."""
    field.errors = [*field.errors, problem]


def capital(text: str) -> str:
    """The text with its first letter capitalized."""
    return text[:1].upper() + text[1:]


def sentence(invalid: FieldInvalid) -> str:
    """The registry's error about a value, as a sentence to show below its field."""
    problem = f"{invalid.expected}; try {invalid.suggestion}" if invalid.suggestion else invalid.expected
    end = "" if problem.endswith("?") else "."
    return f"This {problem}{end}" if problem.startswith(("is ", "must ", "has ")) else capital(f"{problem}{end}")


__all__ = ["PortalForm", "SecretField", "ValidationError", "capital", "choices", "refuse", "sentence"]
