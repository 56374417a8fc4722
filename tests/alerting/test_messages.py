"""messages.py: the messages for each kind of alert."""

from __future__ import annotations

import json
from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from st_pipeline.alerting.incidents import Closed, Incident
from st_pipeline.alerting.messages import FACTS, LINES, Alert, Message, compose
from st_pipeline.rules.findings import ALL_TENANTS, Severity
from st_pipeline.steps.step import Do, Step
from tests.support.past import DAY, HOUR, NOW

INCIDENT = Incident(
    7, "key", "scope_withdrawn", "acme", "crm_customers", Severity.NOW, "The scope was withdrawn", (Step(Do.SYNC),),
    "http://dagster/runs/1", NOW - DAY, NOW, NOW,
)  # fmt: skip
ENDED = replace(INCIDENT, closed_at=NOW + HOUR, closed_because=Closed.RECOVERED)


def only(messages: list[Message]) -> Message:
    (message,) = messages
    assert json.loads(json.dumps(message.body)) == message.body
    return message


def test_an_opened_incident_has_all_facts_in_text_and_json() -> None:
    message = only(compose([Alert(1, "opened", INCIDENT)], 5))
    assert message.title == "acme crm_customers: A permission was withdrawn"
    assert message.text.splitlines() == [
        "The scope was withdrawn",
        "Since: 2026-06-09 12:00 UTC",
        "What to do: Click Sync now in the portal, or run st-pipeline sync acme.",
        "http://dagster/runs/1",
    ]
    assert message.body == {
        "state": "opened",
        "incident": 7,
        "rule": "scope_withdrawn",
        "severity": "now",
        "tenant": "acme",
        "entity": "crm_customers",
        "what": "The scope was withdrawn",
        "since": "2026-06-09T12:00:00+00:00",
        "advice": "Click Sync now in the portal, or run st-pipeline sync acme.",
        "steps": [{"do": "sync"}],
        "link": "http://dagster/runs/1",
        "opened_at": "2026-06-10T12:00:00+00:00",
        "closed_at": None,
    }
    assert (message.alerts, message.is_good) == ((1,), False)


def test_a_resolution_says_when_and_what_it_was() -> None:
    message = only(compose([Alert(2, "closed", ENDED)], 5))
    assert message.title == "acme crm_customers: A permission was withdrawn (resolved)"
    assert "Resolved at 2026-06-10 13:00 UTC. It was: The scope was withdrawn" in message.text
    assert (message.body["state"], message.body["closed_at"]) == ("recovered", "2026-06-10T13:00:00+00:00")
    assert message.is_good


def test_a_problem_that_ended_before_it_was_sent_is_one_message() -> None:
    message = only(compose([Alert(1, "opened", ENDED), Alert(2, "closed", ENDED)], 5))
    assert message.title == "acme crm_customers: A permission was withdrawn (already resolved)"
    assert (message.body["state"], message.alerts) == ("passed", (1, 2))
    assert "now resolved" in message.text
    assert message.is_good


def test_an_unmonitored_problem_is_not_called_resolved() -> None:
    unwatched = replace(ENDED, closed_because=Closed.NOT_WATCHED)
    for alerts in ([Alert(2, "closed", unwatched)], [Alert(1, "opened", unwatched), Alert(2, "closed", unwatched)]):
        message = only(compose(alerts, 5))
        assert message.title == "acme crm_customers: A permission was withdrawn (no longer monitored)"
        assert message.body["state"] == "not_watched"
        assert "No longer monitored" in message.text


def test_a_shared_problem_is_described_as_shared() -> None:
    shared = replace(INCIDENT, tenant=ALL_TENANTS, entity=None, rule="reports_behind")
    message = only(compose([Alert(1, "opened", shared)], 5))
    assert message.title == "all companies: Reports are behind"
    assert (message.body["tenant"], message.body["entity"]) == (None, None)
    digest = only(compose([Alert(1, "opened", shared), Alert(2, "opened", replace(INCIDENT, id=8))], 1))
    assert digest.title == "2 alerts for all companies: 2 opened, 0 closed"
    assert "all companies: Reports are behind: The scope was withdrawn" in digest.text


def test_a_test_alert_says_that_nothing_is_wrong() -> None:
    message = only(compose([Alert(3, "test", None)], 5))
    assert "test" in message.title and "Nothing is wrong" in message.text
    assert message.body["state"] == "test"


def many(number: int) -> list[Alert]:
    return [Alert(n, "opened", replace(INCIDENT, id=n, tenant=f"t{n}")) for n in range(number)]


def test_one_alert_above_the_limit_makes_a_digest() -> None:
    assert len(compose(many(5), 5)) == 5
    digest = only(compose(many(6), 5))
    assert digest.title == "6 alerts for 6 companies: 6 opened, 0 closed"
    assert (digest.body["state"], digest.body["count"]) == ("digest", 6)
    assert [alert["tenant"] for alert in digest.body["alerts"]] == [f"t{n}" for n in range(6)]
    assert all(
        f"t{n} crm_customers: A permission was withdrawn: The scope was withdrawn" in digest.text for n in range(6)
    )
    assert digest.alerts == tuple(range(6))


def test_a_large_digest_stays_readable_and_settles_all() -> None:
    digest = only(compose(many(400), 5))
    assert len(digest.text.splitlines()) == LINES + 2
    assert "… and 380 more" in digest.text
    assert (digest.body["count"], len(digest.body["alerts"])) == (400, FACTS)
    assert len(digest.alerts) == 400


def test_a_digest_of_recoveries_is_good_news() -> None:
    alerts = [Alert(n, "closed", replace(ENDED, id=n)) for n in range(9)]
    digest = only(compose(alerts, 5))
    assert digest.title == "9 alerts for 1 company: 0 opened, 9 closed"
    assert digest.is_good


@given(st.lists(st.tuples(st.integers(0, 12), st.sampled_from(["opened", "closed"])), unique=True), st.integers(1, 6))
def test_every_alert_is_in_exactly_one_message(pairs: list[tuple[int, str]], digest_over: int) -> None:
    ended = {number for number, kind in pairs if kind == "closed"}
    alerts = [
        Alert(n, kind, replace(ENDED if number in ended else INCIDENT, id=number))
        for n, (number, kind) in enumerate(pairs)
    ]
    alerts.append(Alert(999, "test", None))
    messages = compose(alerts, digest_over)
    assert sorted(id_ for message in messages for id_ in message.alerts) == [alert.id for alert in alerts]
    assert len(messages) <= digest_over + 1


def test_text_from_outside_mentions_no_one_and_links_nowhere_but_machines_get_it_unchanged() -> None:
    hostile = "<!channel> @everyone [x](https://evil.test)\x1b[2J\u202e\nSince: never"
    opened = replace(INCIDENT, what=hostile, entity=f"crm {hostile}")
    ended = replace(ENDED, what=hostile, entity=hostile)
    unwatched = replace(ended, closed_because=Closed.NOT_WATCHED)
    messages = [
        only(compose([Alert(1, "opened", opened)], 5)),
        only(compose([Alert(1, "closed", ended)], 5)),
        only(compose([Alert(1, "closed", unwatched)], 5)),
        only(compose([Alert(1, "opened", ended), Alert(2, "closed", ended)], 5)),
        only(compose([Alert(number, "opened", replace(opened, id=number)) for number in range(4)], 3)),
    ]
    for message in messages:
        shown = message.title + message.text
        harmful = ("<", ">", "@everyone", "](", "://evil", "\x1b", "\u202e", "\nSince: never")
        assert not [sign for sign in harmful if sign in shown]
        assert "‹!channel›" in shown
    assert messages[0].text.endswith("\nhttp://dagster/runs/1")
    assert messages[0].body["what"] == hostile
