"""portal/web/forms.py: what all forms have in common, secrets that are never shown among it."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from starlette.datastructures import FormData
from wtforms import SelectField, StringField

from st_pipeline.portal.web.forms import PortalForm, SecretField, capital, choices, refuse, sentence
from st_pipeline.secret import Secret
from st_pipeline.tenants.errors import FieldInvalid

CANARY = "canary-entered-secret"


class Example(PortalForm):
    name = StringField("Name")
    key = SecretField("Key")
    kind = SelectField("Kind", choices=choices({"a": "The first", "b": "<b>The second</b>"}))


def example(method: str, sent: list[tuple[str, str]], **values: Any) -> Any:
    visit = SimpleNamespace(request=SimpleNamespace(method=method), form=FormData([*sent]))
    return Example.of(visit, **values)  # pyright: ignore[reportArgumentType]


def test_a_form_that_was_not_sent_shows_the_values_of_the_page() -> None:
    form = example("GET", [("name", "from the address"), ("kind", "b")], name="stored", kind="a")
    assert (form.name.data, form.kind.data) == ("stored", "a")


def test_a_form_that_was_sent_has_what_was_entered_and_nothing_else() -> None:
    form = example("POST", [("name", "entered"), ("kind", "b"), ("tenant", "bolt"), ("key", CANARY)], name="stored")
    assert (form.name.data, form.kind.data, form.key.secret) == ("entered", "b", Secret(CANARY))
    assert form.validate()
    assert set(form.data) == {"name", "key", "kind"}, "a field that the form does not have is left out"


def test_a_choice_that_was_not_offered_is_refused() -> None:
    form = example("POST", [("kind", "c")])
    assert not form.validate()
    assert form.kind.errors


def test_choices_are_labels_that_are_escaped_in_the_page() -> None:
    form = example("GET", [], kind="b")
    assert [(one.value, one.label) for one in choices({"a": "The first"})] == [("a", "The first")]
    html = str(form.kind())
    assert 'selected value="b"' in html
    assert "&lt;b&gt;The second&lt;/b&gt;" in html


@given(st.text(min_size=8))
def test_a_secret_is_never_shown_again(text: str) -> None:
    form = example("POST", [("key", text), ("kind", "c")])
    assert not form.validate()
    assert form.key.secret.reveal() == text
    assert 'value=""' in str(form.key()), "not even in the page that says what is wrong"
    assert text not in repr(form.key)
    assert str(form.key.secret) == "***"


def test_a_stored_secret_is_not_shown_either() -> None:
    html = str(example("GET", [], key=CANARY).key())
    assert CANARY not in html
    assert 'type="password"' in html


@pytest.mark.parametrize("sent", [[], [("key", "")]])
def test_nothing_entered_is_an_empty_secret(sent: list[tuple[str, str]]) -> None:
    assert not example("POST", sent).key.secret
    assert not example("GET", []).key.secret


def test_every_problem_at_a_field_is_kept() -> None:
    form = example("POST", [("kind", "c")])
    form.validate()
    first = list(form.kind.errors)
    refuse(form.kind, "Another problem.")
    refuse(form.kind, "A third.")
    assert form.kind.errors == [*first, "Another problem.", "A third."]
    assert form.errors["kind"] == form.kind.errors
    assert not form.name.errors


@given(st.text())
def test_a_capital_changes_the_first_letter_alone(text: str) -> None:
    assert capital(text) == text[:1].upper() + text[1:]
    assert capital(text).endswith(text[1:])


@pytest.mark.parametrize(
    ("problem", "said"),
    [
        ("must be a number", "This must be a number."),
        ("is taken", "This is taken."),
        ("has a blank in it", "This has a blank in it."),
        ("island names cannot be used", "Island names cannot be used."),
        ("enter a time zone", "Enter a time zone."),
        ("", "."),
    ],
)
def test_the_registrys_problem_reads_as_a_sentence_below_its_field(problem: str, said: str) -> None:
    assert sentence(FieldInvalid("tenant_id", problem, tenant="acme")) == said


def test_a_value_to_try_instead_is_named() -> None:
    assert sentence(FieldInvalid("key", "is taken", suggestion="acme-2")) == "This is taken; try acme-2."
