"""Credential files of servicepytan and Titanpy."""

from __future__ import annotations

import json
import traceback
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from st_pipeline.secret import Secret
from st_pipeline.settings import ServiceTitanDefaults
from st_pipeline.tenants.errors import ImportRefused
from st_pipeline.tenants.fields import Environment
from st_pipeline.tenants.importing import from_variables, parse

from .conftest import CANARY_APP_KEY, CANARY_SECRET

# As its documentation shows it; the time zone is often left empty.
SERVICEPYTAN = {
    "SERVICETITAN_CLIENT_ID": "cid.abc",
    "SERVICETITAN_CLIENT_SECRET": CANARY_SECRET,
    "SERVICETITAN_APP_ID": "12345",
    "SERVICETITAN_APP_KEY": CANARY_APP_KEY,
    "SERVICETITAN_TENANT_ID": "1234567890",
    "SERVICETITAN_TIMEZONE": "America/New_York",
    "SERVICETITAN_API_ENVIRONMENT": "integration",
}
TITANPY = {
    "CLIENT_ID": "cid.abc",
    "CLIENT_SECRET": CANARY_SECRET,
    "APP_ID": "12345",
    "APP_KEY": CANARY_APP_KEY,
    "TENANT_ID": "1234567890",
    "TIMEZONE": "America/Chicago",
}


def refused(document: Any, **options: Any) -> str:
    """The message ``document`` is refused with, after a search for secrets in all of its traceback."""
    text = document if isinstance(document, str) else json.dumps(document)
    with pytest.raises(ImportRefused) as failure:
        parse(text, "file.json", **options)
    everything = "".join(traceback.format_exception(failure.value)) + repr(failure.value.__context__)
    assert CANARY_SECRET not in everything
    assert CANARY_APP_KEY not in everything
    message = str(failure.value)
    assert "\n" not in message
    assert "file.json" in message
    return message


def test_a_file_of_servicepytan_is_one_tenant() -> None:
    (found,) = parse(json.dumps(SERVICEPYTAN), "servicepytan_config.json")
    assert found.tenant.key == "tenant-1234567890"
    assert found.tenant.tenant_id == 1234567890
    assert found.tenant.environment is Environment.INTEGRATION
    assert found.tenant.timezone == "America/New_York"
    assert found.own.client_id == "cid.abc"
    assert found.own.client_secret == Secret(CANARY_SECRET)
    assert found.own.app_key == Secret(CANARY_APP_KEY)
    assert found.own.app_id == "12345"


def test_a_file_of_titanpy_is_one_tenant_of_production() -> None:
    (found,) = parse(json.dumps(TITANPY), "credentials.json")
    assert found.tenant.environment is Environment.PRODUCTION
    assert found.tenant.timezone == "America/Chicago"
    assert found.own.app_key == Secret(CANARY_APP_KEY)


def test_empty_optional_fields_are_as_if_they_were_not_there() -> None:
    sparse = SERVICEPYTAN | {
        "SERVICETITAN_TIMEZONE": "",
        "SERVICETITAN_APP_ID": None,
        "SERVICETITAN_API_ENVIRONMENT": " ",
    }
    (found,) = parse(json.dumps(sparse), "file.json")
    assert (found.tenant.timezone, found.tenant.environment, found.own.app_id) == ("UTC", "production", None)


def test_numbers_byte_order_marks_and_lower_case_are_taken() -> None:
    entry = {name.lower(): value for name, value in TITANPY.items()} | {"tenant_id": 1234567890, "app_id": 7}
    (found,) = parse("\ufeff" + json.dumps(entry), "file.json")
    assert found.tenant.tenant_id == 1234567890
    assert found.own.app_id == "7"


def test_what_the_libraries_add_in_memory_is_passed_over() -> None:
    noisy = TITANPY | {"ACCESS_TOKEN": "eyJ", "auth_root": "https://auth.example", "api_root": "https://api.example"}
    assert parse(json.dumps(noisy), "file.json") == parse(json.dumps(TITANPY), "file.json")


def test_a_list_holds_several_tenants() -> None:
    found = parse(json.dumps([TITANPY, TITANPY | {"TENANT_ID": "2", "NAME": "Bolt Electric"}]), "file.json")
    assert [one.tenant.key for one in found] == ["tenant-1234567890", "bolt-electric"]


def test_a_mapping_names_its_tenants() -> None:
    found = parse(json.dumps({"Acme, Inc.": TITANPY, "bolt": SERVICEPYTAN}), "file.json")
    assert [(one.tenant.key, one.tenant.name) for one in found] == [("acme-inc", "Acme, Inc."), ("bolt", "bolt")]


def test_our_own_fields_may_stand_beside_theirs() -> None:
    ours = {"KEY": "acme", "NAME": "Acme", "COMPANY_CODE": "SM000250", "TRADE": "Plumbing", "CADENCE": "weekly"}
    (found,) = parse(json.dumps(TITANPY | ours), "file.json")
    tenant = found.tenant
    assert (tenant.key, tenant.name, tenant.company_code, tenant.trade, tenant.cadence) == tuple(ours.values())


def test_the_key_may_be_chosen_for_a_file_with_one_tenant() -> None:
    (found,) = parse(json.dumps(TITANPY), "file.json", key="acme")
    assert found.tenant.key == "acme"
    assert "--key works only with one" in refused([TITANPY, SERVICEPYTAN], key="acme")
    assert "key must be" in refused(TITANPY, key="Not A Key")


def test_an_environment_is_for_entries_that_name_none() -> None:
    found = parse(json.dumps({"a": TITANPY, "b": SERVICEPYTAN}), "file.json", environment="sandbox")
    assert [one.tenant.environment for one in found] == ["sandbox", "integration"]


@pytest.mark.parametrize("field", ["CLIENT_ID", "CLIENT_SECRET", "TENANT_ID", "APP_KEY"])
@pytest.mark.parametrize("prefix", ["", "SERVICETITAN_"])
@pytest.mark.parametrize("missing", ["absent", "", None, "  "])
def test_a_missing_field_is_named_as_the_file_spells_it(field: str, prefix: str, missing: str | None) -> None:
    entry: dict[str, Any] = dict(SERVICEPYTAN if prefix else TITANPY)
    if missing == "absent":
        del entry[prefix + field]
    else:
        entry[prefix + field] = missing
    assert f"file.json: {prefix}{field} missing" in refused(entry)


def test_the_app_key_may_be_missing_where_there_is_a_shared_one() -> None:
    entry = {name: value for name, value in TITANPY.items() if name != "APP_KEY"}
    (found,) = parse(json.dumps(entry), "file.json", shared_app_key=True)
    assert found.own.app_key is None


def test_an_unknown_field_is_named() -> None:
    assert "unknown field CLIENT_SECRT" in refused(TITANPY | {"CLIENT_SECRT": CANARY_SECRET})


def test_the_entry_that_is_wrong_is_named() -> None:
    assert "file.json, entry 2: TENANT_ID missing" in refused([TITANPY, TITANPY | {"TENANT_ID": ""}])
    assert "file.json, entry bolt: CLIENT_ID missing" in refused({"acme": TITANPY, "bolt": TITANPY | {"CLIENT_ID": ""}})


@pytest.mark.parametrize("field", list(TITANPY))
@pytest.mark.parametrize("wrong", [[CANARY_SECRET], {"x": CANARY_SECRET}, True, 1.5, f"{CANARY_SECRET} ä"])
def test_a_value_of_the_wrong_kind_is_refused_and_not_shown(field: str, wrong: Any) -> None:
    refused(TITANPY | {field: wrong})


@pytest.mark.parametrize("field", ["TENANT_ID", "TIMEZONE", "API_ENVIRONMENT", "CADENCE", "KEY"])
def test_a_secret_in_the_wrong_field_is_not_shown(field: str) -> None:
    assert "canary" not in refused(TITANPY | {field: CANARY_SECRET})


def test_a_field_in_two_spellings_is_refused() -> None:
    assert "CLIENT_ID is given twice" in refused(TITANPY | {"SERVICETITAN_CLIENT_ID": "cid.other"})
    assert "CLIENT_ID twice" in refused('{"CLIENT_ID": "a", "CLIENT_ID": "b"}')


def test_two_tenants_with_one_key_or_one_account_are_refused() -> None:
    other = TITANPY | {"TENANT_ID": "2"}
    assert "two entries would be tenant acme" in refused([TITANPY | {"NAME": "Acme"}, other | {"NAME": "ACME"}])
    assert "acme and bolt are the same production account" in refused({"acme": TITANPY, "bolt": TITANPY})


@pytest.mark.parametrize(
    "text",
    ["", "null", "[]", "7", f'"{CANARY_SECRET}"', f'{{"CLIENT_SECRET": "{CANARY_SECRET}",', f'["{CANARY_SECRET}"]',
     "[" * 100_000, "1" * 5000, f'[{{}}, "{CANARY_SECRET}"]', "CLIENT_ID=cid.abc"],
)  # fmt: skip
def test_what_is_no_credential_file_is_refused(text: str) -> None:
    assert "nothing was stored" in refused(text)


SCALARS = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=10)
NAMES = st.sampled_from([*TITANPY, *SERVICEPYTAN, "KEY", "NAME", "OTHER"]) | st.text(max_size=5)
ENTRIES = st.dictionaries(NAMES, SCALARS | st.sampled_from([CANARY_SECRET, "1001"]), max_size=9)


@given(st.recursive(ENTRIES | SCALARS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner)))
def test_any_document_is_tenants_or_refused_and_never_shows_a_secret(document: Any) -> None:
    try:
        found = parse(json.dumps(document), "file.json")
    except ImportRefused as failure:
        assert CANARY_SECRET not in str(failure) or CANARY_SECRET in _names(document)
        str(failure).encode()
        return
    assert found
    assert CANARY_SECRET not in repr([one.own for one in found])


@given(
    st.lists(
        st.fixed_dictionaries(
            {name: st.just(value) for name, value in TITANPY.items() if name != "TENANT_ID"}
            | {"TENANT_ID": st.integers(1, 2**63 - 1).map(str)},
            optional={"NAME": st.text(min_size=1, max_size=20)},
        ),
        min_size=1,
        max_size=4,
    )
)
def test_every_tenant_of_a_sound_list_is_found_in_order(entries: list[dict[str, str]]) -> None:
    try:
        found = parse(json.dumps(entries), "file.json")
    except ImportRefused as failure:
        assert any(word in str(failure) for word in ("two entries", "the same", "name must"))
        return
    assert [str(one.tenant.tenant_id) for one in found] == [entry["TENANT_ID"] for entry in entries]
    assert len({one.tenant.key for one in found}) == len(found)


def _names(document: Any) -> set[str]:
    if isinstance(document, dict):
        return set(document).union(*map(_names, document.values()))
    return set().union(*map(_names, document)) if isinstance(document, list) else set()


DEFAULTS = ServiceTitanDefaults(
    client_id="cid.abc",
    client_secret=Secret(CANARY_SECRET),
    app_key=Secret(CANARY_APP_KEY),
    app_id="12345",
    tenant_id="1001",
    timezone="America/Denver",
    environment="integration",
)


def test_the_variables_are_one_tenant_with_the_shared_app_key() -> None:
    (found,) = from_variables(DEFAULTS, key="acme")
    assert (found.tenant.key, found.tenant.tenant_id, found.tenant.environment) == ("acme", 1001, "integration")
    assert found.tenant.timezone == "America/Denver"
    assert found.own.client_secret == Secret(CANARY_SECRET)
    assert found.own.app_key is None


def test_missing_variables_are_named_all_at_once() -> None:
    with pytest.raises(ImportRefused) as failure:
        from_variables(ServiceTitanDefaults(client_id="cid.abc"))
    for name in ("CLIENT_SECRET", "TENANT_ID", "APP_KEY"):
        assert f"SERVICETITAN_{name}" in str(failure.value)
