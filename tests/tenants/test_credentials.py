"""What a tenant brings to identify itself."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from st_pipeline.secret import Secret
from st_pipeline.tenants.credentials import OwnCredentials, complete, masked, new_parts, own_credentials
from st_pipeline.tenants.errors import CredentialsMissing, FieldInvalid

from .conftest import CANARY_APP_KEY, CANARY_SECRET


def test_white_space_around_any_part_is_taken_off() -> None:
    own = own_credentials(" cid.a\n", Secret("\tcs1.b \r\n"), Secret("ak1.c\n"), " app ")
    assert own == OwnCredentials("cid.a", Secret("cs1.b"), Secret("ak1.c"), "app")
    assert new_parts(" cid.a ", Secret("cs1.b\n")).client_secret == Secret("cs1.b")


@pytest.mark.parametrize(
    "wrong", ["", "  ", f"{CANARY_SECRET} two", f"{CANARY_SECRET}\nb", f"{CANARY_SECRET}ä", "x" * 1001]
)
def test_what_cannot_be_a_secret_is_refused_without_showing_it(wrong: str) -> None:
    for attempt in (
        lambda: own_credentials("cid.a", Secret(wrong)),
        lambda: own_credentials("cid.a", Secret("b"), Secret(wrong)),
        lambda: own_credentials(wrong, Secret("b")),
        lambda: new_parts(client_secret=Secret(wrong)),
        lambda: new_parts(app_key=Secret(wrong)),
        lambda: new_parts(client_id=wrong),
    ):
        with pytest.raises(FieldInvalid) as refused:
            attempt()
        assert CANARY_SECRET not in str(refused.value)


def test_nothing_shows_a_secret() -> None:
    own = own_credentials("cid.a", Secret(CANARY_SECRET), Secret(CANARY_APP_KEY))
    parts = new_parts("cid.a", Secret(CANARY_SECRET), Secret(CANARY_APP_KEY))
    shown = f"{own!r} {own} {parts!r} {complete('acme', own, None)!r}"
    assert CANARY_SECRET not in shown
    assert CANARY_APP_KEY not in shown


def test_a_tenants_own_app_key_goes_before_the_shared_one() -> None:
    own = own_credentials("cid.a", Secret("b"), Secret("ak1.own"))
    assert complete("acme", own, Secret("ak1.shared")).app_key == Secret("ak1.own")


def test_without_its_own_the_shared_app_key_is_used() -> None:
    own = own_credentials("cid.a", Secret("b"))
    assert complete("acme", own, Secret("ak1.shared")).app_key == Secret("ak1.shared")


def test_without_any_app_key_the_way_to_give_one_is_named() -> None:
    with pytest.raises(CredentialsMissing, match=r"acme has no app key yet\. Set SERVICETITAN_APP_KEY"):
        complete("acme", own_credentials("cid.a", Secret("b")), None)


@given(st.text())
def test_of_a_client_id_at_most_four_characters_are_shown(client_id: str) -> None:
    shown = masked(client_id).removeprefix("…")
    assert len(shown) <= 4
    assert client_id.endswith(shown)
    assert len(shown) * 2 <= len(client_id)
