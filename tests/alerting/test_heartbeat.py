"""heartbeat.py: one call per beat, and no error ever leaves it."""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest

from st_pipeline.alerting import heartbeat
from st_pipeline.alerting.heartbeat import beat
from st_pipeline.secret import Secret
from st_pipeline.servicetitan.limits import Limits
from tests.servicetitan.scripted import Reply, ScriptedServer
from tests.support.waiting import wait_for
from tests.support.webhook import Webhook

CANARY = "canary-of-heartbeats-90aa"


def test_a_heartbeat_is_one_call(hook: Webhook) -> None:
    assert beat(Secret(f"http://{hook.address}/ping/uuid"))
    assert hook.asked == ["/ping/uuid"]


@pytest.mark.parametrize("url", [None, Secret("http://127.0.0.1:9/"), Secret("http://"), Secret("http://[::")])
def test_without_a_url_or_a_response_nothing_happens(url: Secret | None) -> None:
    assert beat(url) is False


def test_an_error_status_is_not_a_heartbeat(hook: Webhook) -> None:
    hook.status = 500
    assert beat(Secret(f"http://{hook.address}/")) is False


def test_a_slow_response_times_out(hook: Webhook, monkeypatch: pytest.MonkeyPatch) -> None:
    assert heartbeat.LIMITS.total_seconds <= 10
    monkeypatch.setattr(heartbeat, "LIMITS", Limits(connect_seconds=60, read_seconds=0.3))
    with hook.silent():
        assert beat(Secret(f"http://{hook.address}/silent")) is False
        wait_for("the request", lambda: hook.asked == ["/silent"])


def test_a_response_that_drips_times_out(monkeypatch: pytest.MonkeyPatch) -> None:
    def drip() -> Iterator[bytes]:
        while True:
            time.sleep(0.02)
            yield b"H"

    monkeypatch.setattr(heartbeat, "LIMITS", Limits(total_seconds=0.5))
    with ScriptedServer(lambda asked, n: Reply(raw=drip)) as server:
        assert beat(Secret(server.url)) is False


def test_the_url_is_in_no_log(hook: Webhook, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(1):
        assert beat(Secret(f"http://{hook.address}/{CANARY}"))
        beat(Secret(f"http://127.0.0.1:9/{CANARY}"))
    assert CANARY not in caplog.text
