"""What each field of a tenant may hold."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from st_pipeline.tenants import fields
from st_pipeline.tenants.errors import FieldInvalid


@given(st.from_regex(r"[a-z0-9][a-z0-9-]{0,62}", fullmatch=True).filter(lambda key: key not in fields.RESERVED_KEYS))
def test_every_slug_is_a_key_and_kept_as_it_is(key: str) -> None:
    assert fields.valid_key(key) == key


@given(st.text())
@example("acme\n")
@example("...")
@example("-acme")
@example("a" * 64)
@example("acmé")
@example("")
@example("all")
@example("new")
def test_a_key_is_a_slug_or_refused(text: str) -> None:
    is_slug = re.compile(r"\A[a-z0-9][a-z0-9-]{0,62}\Z").match(text) is not None and text not in fields.RESERVED_KEYS
    try:
        assert fields.valid_key(text) == text
        assert is_slug
    except FieldInvalid as invalid:
        assert not is_slug
        assert invalid.field == "key"


@given(st.text())
@example("ALL")
@example("ß" * 100)
@example("a" * 62 + "- b")
def test_a_slug_is_always_a_valid_key(name: str) -> None:
    key = fields.slug(name)
    assert key is None or fields.valid_key(key) == key


def test_a_slug_is_what_a_person_would_write() -> None:
    assert fields.slug("Müller & Söhne, Inc.") == "muller-sohne-inc"
    assert fields.slug("北京") is None


def test_a_refused_key_names_one_that_would_do() -> None:
    with pytest.raises(FieldInvalid, match="try acme-plumbing"):
        fields.valid_key("Acme Plumbing")


@given(st.integers(min_value=1, max_value=2**63 - 1))
def test_every_positive_int64_is_a_tenant_id_also_as_text(number: int) -> None:
    assert fields.valid_tenant_id(number) == number
    assert fields.valid_tenant_id(f" {number} ") == number


@pytest.mark.parametrize("wrong", [0, -1, 2**63, True, "", "12a", "1.0", "-5", "١٢٣", "9" * 30, "+1", "1_000"])
def test_other_tenant_ids_are_refused(wrong: int | str) -> None:
    with pytest.raises(FieldInvalid, match="tenant id"):
        fields.valid_tenant_id(wrong)


def test_an_environment_is_one_of_three_in_any_case() -> None:
    assert fields.valid_environment(" Production ") is fields.Environment.PRODUCTION
    with pytest.raises(FieldInvalid, match="production, integration, sandbox"):
        fields.valid_environment("staging")


def test_a_time_zone_is_an_iana_name_whatever_its_case() -> None:
    assert fields.valid_timezone("america/new_york ") == "America/New_York"
    assert fields.valid_timezone("utc") == "UTC"


def test_a_misspelt_time_zone_is_answered_with_the_nearest() -> None:
    with pytest.raises(FieldInvalid, match="did you mean America/New_York"):
        fields.valid_timezone("America/NewYork")
    with pytest.raises(FieldInvalid, match="did you mean America/Los_Angeles"):
        fields.valid_timezone("PST")


@pytest.mark.parametrize("wrong", ["", "Factory", "localtime", "../../etc/passwd", "/etc/localtime", "UTC+5"])
def test_what_is_no_place_is_no_time_zone(wrong: str) -> None:
    with pytest.raises(FieldInvalid):
        fields.valid_timezone(wrong)


def test_a_cadence_is_kept_in_its_own_form() -> None:
    assert fields.valid_cadence("  Weekly  FRIDAY 3:00 ") == "weekly fri 03:00"
    with pytest.raises(FieldInvalid, match="cadence must be one of nightly, weekly, monthly"):
        fields.valid_cadence("sometimes")


@given(st.sampled_from([fields.valid_company_code, fields.valid_trade, fields.valid_name]), st.text())
def test_free_text_is_tidied_and_fits_postgres(valid: Callable[[str], str | None], text: str) -> None:
    try:
        kept = valid(text)
    except FieldInvalid:
        return
    assert kept is None or (kept == " ".join(kept.split()) and kept and "\0" not in kept)
    assert kept is None or kept.encode()  # no lone surrogate


def test_empty_text_is_none_but_a_name_is_needed() -> None:
    assert fields.valid_company_code("  ") is None
    assert fields.valid_trade(None) is None
    with pytest.raises(FieldInvalid, match="name is empty"):
        fields.valid_name(" ")


@pytest.mark.parametrize("text", ["a\0b", "a\x1bb", "\ud800", "x" * 201])
def test_control_characters_surrogates_and_novels_are_refused(text: str) -> None:
    with pytest.raises(FieldInvalid):
        fields.valid_company_code(text)


@pytest.mark.parametrize(
    "valid",
    [fields.valid_tenant_id, fields.valid_environment, fields.valid_timezone, fields.valid_cadence],
)
def test_no_refusal_repeats_what_was_given(valid: Callable[[Any], Any]) -> None:
    with pytest.raises(FieldInvalid) as refused:
        valid("cs1.canary")
    assert "canary" not in str(refused.value)


def test_a_tenant_id_may_have_commas_between_thousands() -> None:
    assert [fields.valid_tenant_id(text) for text in ("1,004", "12,345,678", "1004")] == [1004, 12345678, 1004]
    for wrong in ("1,04", "1004,", ",004", "1,0045"):
        with pytest.raises(FieldInvalid):
            fields.valid_tenant_id(wrong)
