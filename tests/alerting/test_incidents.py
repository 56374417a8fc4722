"""incidents.py: what is new. By property test: each problem is opened once, and closed once when it ends."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from st_pipeline.alerting.incidents import Closed, Incident, Reconciled, reconcile
from st_pipeline.rules.findings import ALL_TENANTS, Finding, Severity
from tests.support.past import NOW

TENANTS, RULES = ("acme", "bolt"), ("stale", "drift")
KEYS = [(rule, tenant) for rule in RULES for tenant in TENANTS]


def finding(rule: str = "stale", tenant: str = "acme", *, is_consequence: bool = False) -> Finding:
    return Finding(rule, tenant, Severity.NOW, "what", NOW, (), is_consequence=is_consequence)


def incident(found: Finding, number: int = 1) -> Incident:
    return Incident(
        number, found.key, found.rule, found.tenant, None, found.severity, "what", (), "link", NOW, NOW, NOW
    )


def test_a_new_finding_opens_an_incident() -> None:
    assert reconcile([], [finding()], TENANTS, RULES) == Reconciled([finding()], [], [])


def test_a_known_finding_stays_open_without_an_alert() -> None:
    known, found = incident(finding()), replace(finding(), what="other words")
    assert reconcile([known], [found], TENANTS, RULES) == Reconciled([], [(known, found)], [])


def test_an_incident_without_a_finding_is_resolved() -> None:
    known = incident(finding())
    assert reconcile([known], [], TENANTS, RULES) == Reconciled([], [], [(known, Closed.RECOVERED)])


def test_an_unmonitored_incident_is_not_resolved() -> None:
    known = incident(finding())
    for tenants, rules in (({"bolt"}, RULES), (TENANTS, {"drift"})):
        assert reconcile([known], [], tenants, rules).closed == [(known, Closed.NOT_WATCHED)]


def test_a_shared_problem_is_resolved_whichever_tenants_are_monitored() -> None:
    known = incident(finding(tenant=ALL_TENANTS))
    assert reconcile([known], [], (), RULES).closed == [(known, Closed.RECOVERED)]
    assert reconcile([known], [], TENANTS, {"drift"}).closed == [(known, Closed.NOT_WATCHED)]
    assert (known.where, incident(finding()).where) == ("all companies", "acme")


def test_a_consequence_opens_nothing_but_keeps_an_incident_open() -> None:
    consequence = finding(is_consequence=True)
    assert reconcile([], [consequence], TENANTS, RULES) == Reconciled([], [], [])
    known = incident(finding())
    assert reconcile([known], [consequence], TENANTS, RULES).still_open == [(known, consequence)]


def test_two_findings_with_one_key_are_one_incident() -> None:
    assert len(reconcile([], [finding(), replace(finding(), what="also")], TENANTS, RULES).opened) == 1


@given(st.lists(st.lists(st.sampled_from(KEYS), max_size=6), max_size=30))
def test_over_any_rounds_each_problem_opens_and_closes_in_turn_and_stays_open_while_found(
    rounds: list[list[tuple[str, str]]],
) -> None:
    open_: dict[str, Incident] = {}
    opened: Counter[str] = Counter()
    closed: Counter[str] = Counter()
    for number, found in enumerate(rounds):
        findings = [finding(*key) for key in found]
        news = reconcile(open_.values(), findings, TENANTS, RULES)
        for one in news.opened:
            assert one.key not in open_
            open_[one.key] = incident(one, number)
            opened[one.key] += 1
        for one, _ in news.closed:
            del open_[one.key]
            closed[one.key] += 1
        assert set(open_) == {one.key for one in findings}
        assert {one.key for one, _ in news.still_open} <= set(open_)
        assert reconcile(open_.values(), findings, TENANTS, RULES).opened == []
    for key in opened:
        assert opened[key] - closed[key] == (key in open_)
