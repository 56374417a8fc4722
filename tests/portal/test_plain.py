"""Messages for those who have no command line."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from st_pipeline.portal.plain import entity_words, told, without_commands
from st_pipeline.portal.roles import Actor, Role

REFUSED = (
    "ServiceTitan knows no such client yet. There, under Settings > Integrations > API Application Access, the "
    "tenant's administrator connects the app and generates client id and secret; enter them with "
    "st-pipeline tenants rotate acme --client-id ID"
)


@pytest.mark.parametrize(
    ("message", "left"),
    [
        ("connected", "connected"),
        (
            REFUSED,
            "ServiceTitan knows no such client yet. There, under Settings > Integrations > API Application Access, the "
            "tenant's administrator connects the app and generates client id and secret.",
        ),
        ("Read it again: st-pipeline sync acme --full.", "Read it again."),
        ("Run st-pipeline status. then look at it.", "Then look at it."),
        ("Set SERVICETITAN_APP_KEY for all tenants, or give it one", "Give it one"),
        ("st-pipeline status", ""),
        ("", ""),
    ],
)
def test_clauses_that_name_a_command_are_left_out(message: str, left: str) -> None:
    assert without_commands(message) == left


@given(
    st.lists(st.sampled_from(["a b", "st-pipeline x", "; ", ". ", ", and ", ": ", "Set ST_PIPELINE_HOME", "--full"]))
)
def test_no_command_is_ever_left(parts: list[str]) -> None:
    left = without_commands("".join(parts))
    assert not any(word in left for word in ("st-pipeline ", "ST_PIPELINE_", "--full"))


@given(st.text().filter(lambda text: "st-pipeline" not in text and "--" not in text and "_" not in text))
def test_a_message_without_commands_stays_but_for_its_end(message: str) -> None:
    assert message.startswith(without_commands(message))


def test_operators_and_viewers_are_told_all_of_it() -> None:
    for role in Role:
        is_whole = told(REFUSED, Actor("ann", role)) == REFUSED
        assert is_whole == (role is not Role.CLIENT)


def test_an_entity_is_called_by_its_resource() -> None:
    assert [entity_words(one) for one in ("crm_customers", "accounting_invoice_items", "odd")] == [
        "Customers", "Invoice items", "Odd"
    ]  # fmt: skip
