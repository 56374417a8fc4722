"""channels.py: real messages to a local server, with a URL that never leaks."""

from __future__ import annotations

import logging
from typing import Any

import pytest

from st_pipeline.alerting.channels import Channel, _service, open_channels
from st_pipeline.alerting.incidents import Incident
from st_pipeline.alerting.messages import Alert, Message, compose
from st_pipeline.rules.findings import Severity
from st_pipeline.secret import Secret
from st_pipeline.settings import SettingsError
from tests.support.hostile import HOSTILE, SCRIPT, unseen
from tests.support.past import NOW
from tests.support.waiting import wait_for
from tests.support.webhook import Webhook

CANARY = "canary-of-channels-5e1d"
MESSAGE = Message((1,), "acme: stale", "Old.\nLook.", {"state": "opened", "tenant": "acme", "n": 3}, is_good=False)


def channel(url: str) -> Channel:
    (opened,) = open_channels([Secret(url)])
    return opened


def test_a_json_webhook_gets_title_message_and_facts(hook: Webhook) -> None:
    assert channel(f"json://{hook.address}/path?:team=ops").send(MESSAGE)
    (body,) = hook.take()
    facts: dict[str, Any] = {"state": "opened", "tenant": "acme", "n": 3, "team": "ops"}
    assert facts.items() <= body.items()
    assert (body["title"], body["message"], body["type"]) == ("acme: stale", "Old.\nLook.", "warning")


def test_one_channel_sends_each_message_with_its_own_facts(hook: Webhook) -> None:
    one = channel(f"json://{hook.address}/")
    assert one.send(MESSAGE)
    assert one.send(Message((2,), "bolt: stale, recovered", "Over.", {"state": "recovered"}, is_good=True))
    first, second = hook.take()
    assert (first["tenant"], "tenant" in second) == ("acme", False)
    assert second["type"] == "success"


def test_a_service_for_people_gets_title_and_text(hook: Webhook) -> None:
    # Plain HTTP to our own server, with its own kind of body.
    assert channel(f"mmost://{hook.address}/{'a' * 24}").send(MESSAGE)
    (body,) = hook.take()
    assert "acme: stale" in body["text"] and "Look." in body["text"]


def test_hostile_text_reaches_a_chat_as_text_and_a_machine_as_it_was(hook: Webhook) -> None:
    hostile = HOSTILE + SCRIPT
    incident = Incident(1, "k", "drift", "acme", hostile, Severity.NOW, hostile, (), "http://p/", NOW, NOW, NOW)
    (message,) = compose([Alert(1, "opened", incident)], 5)
    assert channel(f"mmost://{hook.address}/{'a' * 24}").send(message)
    assert channel(f"json://{hook.address}/").send(message)
    chat, machine = hook.take()
    for shown in (chat["text"], machine["title"], machine["message"]):
        assert not unseen(shown)
        assert not [sign for sign in ("<", "@everyone", "](", "://evil") if sign in shown]
    assert (machine["what"], machine["entity"]) == (hostile, hostile)


@pytest.mark.parametrize("status", [301, 401, 404, 429, 500])
def test_a_rejection_by_the_service_is_a_failure(hook: Webhook, status: int) -> None:
    hook.status = status
    assert channel(f"json://{hook.address}/").send(MESSAGE) is False


def test_an_unreachable_address_is_a_failure() -> None:
    assert channel("json://127.0.0.1:9/").send(MESSAGE) is False


def test_a_service_that_does_not_respond_times_out(hook: Webhook) -> None:
    with hook.silent():
        assert channel(f"json://{hook.address}/silent?rto=0.5").send(MESSAGE) is False
        wait_for("the request", lambda: hook.asked == ["/silent"])


def test_the_default_timeout_is_seconds() -> None:
    service = _service(Secret("json://127.0.0.1/"))
    assert service
    assert max(service.request_timeout) <= 5


def test_channels_are_named_by_service_and_digest_the_same_each_time() -> None:
    urls = [Secret("json://a/1"), Secret("json://a/2"), Secret("mailto://u:p@example.com"), Secret("json://a/1")]
    names = [one.name for one in open_channels(urls)]
    assert [name.rpartition("-")[0] for name in names] == ["json", "json", "e-mail"]
    assert len(set(names)) == 3
    assert names == [one.name for one in open_channels(urls)]


@pytest.mark.parametrize("url", [f"nosuch://{CANARY}", CANARY, "slack://", f"mailto://{CANARY}@", "https://"])
def test_an_invalid_url_is_rejected_by_its_position_without_being_repeated(
    url: str, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.DEBUG), pytest.raises(SettingsError) as refused:
        open_channels([Secret("json://fine"), Secret(url)])
    assert "ST_PIPELINE_ALERT_URLS: entry 2 of 2" in str(refused.value)
    assert CANARY not in str(refused.value) + caplog.text


@pytest.mark.parametrize("status", [200, 500])
def test_no_log_name_or_repr_contains_part_of_the_url(
    hook: Webhook, status: int, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    hook.status = status
    with caplog.at_level(1):
        for url in (
            f"json://user:{CANARY}@{hook.address}/hooks/{CANARY}?-token={CANARY}&+X-Token={CANARY}&:extra={CANARY}",
            f"json://user:{CANARY}@127.0.0.1:9/{CANARY}",
            f"mailto://user:{CANARY}@127.0.0.1:9?to=somebody@example.com&from=me@example.com",
        ):
            one = channel(url)
            one.send(MESSAGE)
            assert CANARY not in f"{one!r} {one} {one.name}"
    assert any(CANARY in path for path in hook.asked)
    assert CANARY not in caplog.text
    assert CANARY not in "".join(capfd.readouterr())


def test_other_threads_and_later_calls_log_as_before(hook: Webhook, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.DEBUG):
        channel(f"json://{hook.address}/").send(MESSAGE)
        logging.getLogger("apprise").warning("after")
    assert [record.getMessage() for record in caplog.records if record.name == "apprise"] == ["after"]
