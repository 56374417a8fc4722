"""alert_round.py: from rows to webhook and back; repeated, concurrent, and killed in between."""

from __future__ import annotations

import threading
from dataclasses import replace
from pathlib import Path

import pytest

from st_pipeline import postgres
from st_pipeline.alerting import deliveries
from st_pipeline.alerting.alert_round import Alerting, Evaluation, evaluate
from st_pipeline.alerting.channels import open_channels
from st_pipeline.alerting.quiet_hours import parse_quiet_hours
from st_pipeline.locks import Lock
from st_pipeline.postgres import Database
from st_pipeline.rules.thresholds import Rules
from st_pipeline.rules.thresholds_file import RulesInvalid
from st_pipeline.secret import Secret
from st_pipeline.settings import Settings, SettingsError
from tests.support.past import DAY, HOUR, LAST_NIGHT, MINUTE, NOW, Past, read
from tests.support.waiting import wait_for
from tests.support.webhook import Webhook

ERROR = "acme: no usable answer (trace 9)"


@pytest.fixture
def alerting(hook: Webhook) -> Alerting:
    return Alerting(channels=open_channels([Secret(f"json://{hook.address}/?rto=60")]))


def states(hook: Webhook) -> list[tuple[str, str, str]]:
    return [(body["state"], body["rule"], body["tenant"]) for body in hook.take()]


def test_a_problem_is_alerted_once_and_its_end_once_however_many_rounds_run(
    past: Past, hook: Webhook, alerting: Alerting
) -> None:
    past.tenant()
    past.nights(3, until=LAST_NIGHT - DAY)
    for minute in range(3):
        evaluate(past.connection, alerting, LAST_NIGHT + minute * MINUTE)
    assert states(hook) == []
    past.sync(LAST_NIGHT, error=ERROR, run_id="run-1")
    for minute in range(10, 20):
        evaluate(past.connection, alerting, LAST_NIGHT + minute * MINUTE)
    (body,) = hook.take()
    assert (body["state"], body["rule"], body["link"]) == ("opened", "failed_sync", "http://127.0.0.1:3000/runs/run-1")
    past.sync(LAST_NIGHT + HOUR, entities=[read()])
    for minute in range(70, 80):
        evaluate(past.connection, alerting, LAST_NIGHT + minute * MINUTE)
    assert states(hook) == [("recovered", "failed_sync", "acme")]


def test_a_problem_that_returns_is_alerted_again(past: Past, hook: Webhook, alerting: Alerting) -> None:
    past.tenant(cadence="weekly")
    past.nights(1, until=LAST_NIGHT - DAY)
    for hour in range(4):
        past.sync(LAST_NIGHT + hour * HOUR, error=None if hour % 2 else ERROR, entities=[read()])
        evaluate(past.connection, alerting, LAST_NIGHT + (hour + 0.5) * HOUR)
    assert [state for state, _, _ in states(hook)] == ["opened", "recovered", "opened", "recovered"]


def test_incidents_of_a_disabled_or_removed_tenant_end_without_being_called_resolved(
    past: Past, hook: Webhook, alerting: Alerting
) -> None:
    for key in ("acme", "bolt"):
        past.tenant(key, cadence="weekly")
        past.sync(LAST_NIGHT, key, error=f"{key}: it broke")
    evaluate(past.connection, alerting, LAST_NIGHT + HOUR)
    hook.take()
    past.registry.disable("acme")
    past.registry.remove("bolt")
    news = evaluate(past.connection, alerting, LAST_NIGHT + 2 * HOUR).news
    assert len(news.closed) == len(hook.received)
    assert {state for state, _, _ in states(hook)} == {"not_watched"}


def test_many_at_once_are_one_digest(past: Past, hook: Webhook, alerting: Alerting) -> None:
    for number in range(30):
        key = f"t{number:02}"
        past.tenant(key, cadence="weekly")
        past.sync(LAST_NIGHT, key, error=f"{key}: it broke", entities=[read()])
    # Their syncs are weekly and never succeeded, so each tenant is stale too.
    evaluation = evaluate(past.connection, alerting, NOW)
    (digest,) = hook.take()
    assert (digest["state"], digest["count"]) == ("digest", len(evaluation.news.opened))
    assert len(evaluation.news.opened) >= 30
    assert {alert["tenant"] for alert in digest["alerts"]} == {f"t{number:02}" for number in range(30)}


def test_two_concurrent_rounds_send_one_alert(
    past: Past, warehouse: Database, hook: Webhook, alerting: Alerting
) -> None:
    past.tenant(cadence="weekly")
    past.nights(1, until=LAST_NIGHT - DAY)
    past.sync(LAST_NIGHT, error=ERROR)
    results: list[Evaluation] = []

    def round_() -> None:
        with postgres.connect(warehouse, autocommit=True) as connection:
            results.append(evaluate(connection, alerting, LAST_NIGHT + HOUR))

    threads = [threading.Thread(target=round_) for _ in range(4)]
    with hook.silent():  # whoever sends is not done before the others have been there
        for thread in threads:
            thread.start()
        wait_for("three that are skipped", lambda: sum(result.was_skipped for result in results) == 3)
    for thread in threads:
        thread.join()
    assert states(hook) == [("opened", "failed_sync", "acme")]
    assert len(results) == 4
    assert evaluate(past.connection, alerting, LAST_NIGHT + HOUR).was_skipped is False


def test_a_round_is_skipped_while_another_runs(past: Past, warehouse: Database, alerting: Alerting) -> None:
    with postgres.connect(warehouse, autocommit=True) as other:
        other.execute("select pg_advisory_lock(%s)", (Lock.ALERT_ROUND,))
        assert evaluate(past.connection, alerting, NOW) == Evaluation(was_skipped=True)
        other.execute("select pg_advisory_unlock(%s)", (Lock.ALERT_ROUND,))
    assert evaluate(past.connection, alerting, NOW).was_skipped is False


def test_alerts_are_stored_before_they_are_sent_so_a_killed_round_loses_none(
    past: Past, hook: Webhook, alerting: Alerting, monkeypatch: pytest.MonkeyPatch
) -> None:
    past.tenant(cadence="weekly")
    past.nights(1, until=LAST_NIGHT - DAY)
    past.sync(LAST_NIGHT, error=ERROR)

    def die(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched, pytest.raises(KeyboardInterrupt):
        patched.setattr(deliveries, "deliver", die)
        evaluate(past.connection, alerting, LAST_NIGHT + HOUR)
    assert states(hook) == []
    assert evaluate(past.connection, alerting, LAST_NIGHT + 2 * HOUR).news.opened == []
    assert states(hook) == [("opened", "failed_sync", "acme")]


def test_a_round_uses_its_quiet_hours_and_rules(past: Past, hook: Webhook, alerting: Alerting) -> None:
    past.tenant(cadence="weekly")
    past.nights(1, until=LAST_NIGHT - DAY)
    past.sync(LAST_NIGHT, error=ERROR)
    night = replace(alerting, quiet=parse_quiet_hours("00:00-06:00"))
    assert evaluate(past.connection, night, LAST_NIGHT + HOUR).delivered.held == 1
    assert states(hook) == []
    evaluate(past.connection, night, LAST_NIGHT + 4 * HOUR)
    assert states(hook) == [("opened", "failed_sync", "acme")]


def test_the_caller_can_say_when_a_tenant_is_stale(past: Past, hook: Webhook, alerting: Alerting) -> None:
    past.tenant(cadence="monthly")
    past.nights(2)
    evaluate(past.connection, alerting, NOW, stale_at=lambda tenant: NOW + MINUTE)
    assert states(hook) == []
    evaluate(past.connection, alerting, NOW + MINUTE, stale_at=lambda tenant: NOW + MINUTE)
    assert states(hook) == [("opened", "stale", "acme")]


def test_a_round_inside_a_transaction_is_refused(past: Past, warehouse: Database, alerting: Alerting) -> None:
    with (
        postgres.connect(warehouse) as connection,
        pytest.raises(ValueError, match="autocommit"),
    ):
        evaluate(connection, alerting, NOW)


def test_alerting_is_read_from_the_settings(tmp_path: Path) -> None:
    settings = Settings.from_environment({"ST_PIPELINE_HOME": str(tmp_path)})
    assert Alerting.of(settings) == Alerting(Rules(), [], None)
    (tmp_path / "alerts.toml").write_text("[drift]\nenabled = false")
    said = {
        "ST_PIPELINE_HOME": str(tmp_path),
        "ST_PIPELINE_ALERT_URLS": "json://one/a,b json://two",
        "ST_PIPELINE_QUIET_HOURS": "22:00-07:00",
    }
    alerting = Alerting.of(Settings.from_environment(said))
    assert "drift" not in alerting.rules.enabled
    assert [channel.url.reveal() for channel in alerting.channels] == ["json://one/a,b", "json://two"]
    assert alerting.quiet == parse_quiet_hours("22:00-07:00")
    with pytest.raises(SettingsError, match="QUIET_HOURS"):
        Alerting.of(Settings.from_environment(said | {"ST_PIPELINE_QUIET_HOURS": "at night"}))
    (tmp_path / "alerts.toml").write_text("[drft]")
    with pytest.raises(RulesInvalid, match="did you mean drift"):
        Alerting.of(Settings.from_environment(said))
