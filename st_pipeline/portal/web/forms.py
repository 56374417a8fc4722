"""What all forms have in common. Each form is beside its page; the token against forgery is guards.py's.

Fields of secrets are never rendered with a value, and ask browsers not to fill them in.
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
    """A form of one visit: ``SomeForm.of(visit)`` reads what was sent, ``validate()`` says whether it will do."""

    @classmethod
    def of(cls, visit: Visit, **values: Any) -> Any:
        """The form with what was sent on POST; ``values`` are shown where nothing was."""
        return cls(visit.form if visit.request.method == "POST" else None, data=values)


class SecretField(PasswordField):
    """Something secret that is entered and never shown again. ``secret`` is what was entered."""

    @property
    def secret(self) -> Secret:
        """Empty where nothing was entered."""
        return Secret(self.data or "")

    def __repr__(self) -> str:
        return f"SecretField({self.name})"


def choices(labels: Mapping[str, str]) -> list[SelectChoice]:
    """What a SelectField offers: value -> label."""
    return [SelectChoice(value, label) for value, label in labels.items()]


def refuse(field: Any, problem: str) -> None:
    """Have the page show this problem at the field."""
    field.errors = [*field.errors, problem]


def capital(text: str) -> str:
    """With a capital in front, as a sentence begins."""
    return text[:1].upper() + text[1:]


def sentence(invalid: FieldInvalid) -> str:
    """What the registry says of a value, below the field that it was entered in."""
    problem = f"{invalid.expected}; try {invalid.suggestion}" if invalid.suggestion else invalid.expected
    return f"This {problem}." if problem.startswith(("is ", "must ", "has ")) else capital(f"{problem}.")


__all__ = ["PortalForm", "SecretField", "ValidationError", "capital", "choices", "refuse", "sentence"]
