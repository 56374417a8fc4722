"""heartbeat.py: one call a beat, and whatever goes wrong is no one's trouble here."""

from __future__ import annotations

import time

import pytest

from st_pipeline.alerting import heartbeat
from st_pipeline.alerting.heartbeat import beat
from st_pipeline.secret import Secret
from tests.support.webhook import Webhook

CANARY = "canary-of-heartbeats-90aa"


def test_a_beat_is_one_call(hook: Webhook) -> None:
    assert beat(Secret(f"http://{hook.address}/ping/uuid"))
    assert hook.asked == ["/ping/uuid"]


@pytest.mark.parametrize("url", [None, Secret("http://127.0.0.1:9/"), Secret("http://"), Secret("http://[::")])
def test_without_a_url_or_an_answer_nothing_happens(url: Secret | None) -> None:
    assert beat(url) is False


def test_a_refusal_is_no_beat(hook: Webhook) -> None:
    hook.status = 500
    assert beat(Secret(f"http://{hook.address}/")) is False


def test_an_answer_that_does_not_come_is_not_waited_for(hook: Webhook, monkeypatch: pytest.MonkeyPatch) -> None:
    assert max(heartbeat.SECONDS) <= 5
    monkeypatch.setattr(heartbeat, "SECONDS", (0.3, 0.3))
    hook.delay = 2
    began = time.monotonic()
    assert beat(Secret(f"http://{hook.address}/")) is False
    assert time.monotonic() - began < 1.5


def test_the_url_is_in_no_log(hook: Webhook, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(1):
        assert beat(Secret(f"http://{hook.address}/{CANARY}"))
        beat(Secret(f"http://127.0.0.1:9/{CANARY}"))
    assert CANARY not in caplog.text
