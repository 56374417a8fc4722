"""Messages for the command line, on pages."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from st_pipeline.portal.people.roles import Actor, Role
from st_pipeline.portal.words.plain import entity_words, told, without_commands

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


def actor(role: Role) -> Actor:
    return Actor("ann", role)


@pytest.mark.parametrize(
    ("message", "left"),
    [
        ("Do what it says, then run st-pipeline sync acme; if it stays, ask.",
         "Do what it says, then click Sync now under Status; if it stays, ask."),
        ("Look at it, then run st-pipeline sync acme --entity crm_customers.",
         "Look at it, then click Sync now under Status."),
        ("See its syncs (st-pipeline status). st-pipeline sync lone-star brings it up to date now.",
         "See its syncs (under Syncs). Sync now, under Status, brings it up to date now."),
        ("Refused; enter one with st-pipeline tenants rotate acme.", "Refused; enter one under Credentials."),
        ("Enter its keys with st-pipeline tenants rotate acme --client-id ID", "Enter its keys under Connect"),
        ("No answer. Then run st-pipeline tenants check acme: nothing is known",
         "No answer. Then click Test connection under Connect: nothing is known"),
    ],
)  # fmt: skip
def test_what_a_page_does_is_that_page_for_everybody(message: str, left: str) -> None:
    assert {told(message, actor(role)) for role in Role} == {left}


@pytest.mark.parametrize(
    ("message", "all_of_it", "clients"),
    [
        ("Read it again: st-pipeline sync acme --entity crm_customers --full. If it stays, ask.",
         "Read it again: a full refresh, under Status. If it stays, ask.", "Read it again. If it stays, ask."),
        ("Wait. Then run st-pipeline sync acme --full.", "Wait. Then request a full refresh under Status.", "Wait."),
        ("acme is disabled; st-pipeline tenants enable acme lets it take part again",
         "acme is disabled; Enable, under Status, lets it take part again", "acme is disabled."),
        ("Run st-pipeline reload acme --entity jpm_jobs.", "Run st-pipeline reload acme --entity jpm_jobs.", ""),
        ("Look; then run st-pipeline status.", "Look; then check the overview.", "Look."),
        ("The app key is SERVICETITAN_APP_KEY", "The app key is SERVICETITAN_APP_KEY", ""),
    ],
)  # fmt: skip
def test_what_clients_may_not_do_is_told_to_the_others_alone(message: str, all_of_it: str, clients: str) -> None:
    assert told(message, actor(Role.OPERATOR)) == told(message, actor(Role.VIEWER)) == all_of_it
    assert told(message, actor(Role.CLIENT)) == clients


@given(st.text())
def test_a_message_without_commands_is_told_as_it_is(message: str) -> None:
    for role in Role:
        assert message.startswith(told(message, actor(role))) or "--" in message or "_" in message


def test_an_entity_is_called_by_its_resource() -> None:
    assert [entity_words(one) for one in ("crm_customers", "accounting_invoice_items", "odd")] == [
        "Customers", "Invoice items", "Odd"
    ]  # fmt: skip
