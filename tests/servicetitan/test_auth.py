from __future__ import annotations

import json
import threading
import time
from typing import Any

import pytest
import requests
from hypothesis import given
from hypothesis import strategies as st

from st_pipeline.secret import Secret
from st_pipeline.servicetitan import auth
from st_pipeline.servicetitan.auth import Signature, Token, Tokens, parse_token
from st_pipeline.servicetitan.errors import Unavailable
from tests.support.stepped_time import SteppedTime
from tests.support.waiting import wait_for


def body(**members: Any) -> bytes:
    return json.dumps(members).encode()


def token(value: str = "t", use_until: float = float("inf")) -> Token:
    return Token(Secret(value), use_until, frozenset())


@pytest.mark.parametrize(
    ("scope", "scopes"),
    [
        ("tn.a:r tn.b:r", {"tn.a:r", "tn.b:r"}),
        (["tn.a:r"], {"tn.a:r"}),
        ("", set()),
        ([], set()),
        (None, set()),
    ],
)
def test_scopes_are_read_from_text_or_list(scope: Any, scopes: set[str]) -> None:
    found = parse_token(body(access_token="x", expires_in=900, scope=scope), 0)
    assert found is not None
    assert found.scopes == scopes


@given(st.floats(1, 86399), st.floats(0, 1e6))
def test_a_token_is_used_for_most_of_its_life_but_never_until_it_expires(life: float, now: float) -> None:
    found = parse_token(body(access_token="x", expires_in=life), now)
    assert found is not None
    assert now + life * 0.79 <= found.use_until + 1e-6
    assert found.use_until < now + life


@pytest.mark.parametrize("life", [b"9" * 5000, b"1e999999", b'"NaN"', b'"Infinity"', b"[900]", b'"\\u0000"', b"true"])
def test_a_hostile_expiry_falls_back_too(life: bytes) -> None:
    found = parse_token(b'{"access_token":"x","expires_in":%s}' % life, 0)
    assert found is not None
    assert found.use_until == 840


def test_scopes_that_cannot_be_stored_are_left_out() -> None:
    found = parse_token(body(access_token="x", scope="tn.a:r tn.\0b:r"), 0)
    assert found is not None
    assert found.scopes == {"tn.a:r"}


def test_a_token_too_long_for_a_header_is_no_token() -> None:
    assert parse_token(body(access_token="x" * 100_000), 0) is None


@pytest.mark.parametrize("life", [None, "900", "soon", 0, -1, 1e12])
def test_an_invalid_expiry_falls_back_to_the_documented_one(life: Any) -> None:
    found = parse_token(body(access_token="x", expires_in=life), 0)
    assert found is not None
    assert found.use_until == 840


@pytest.mark.parametrize(
    "answer",
    [
        b"",
        b"<html>",
        b"[]",
        b"{}",
        b'{"access_token":null}',
        b'{"access_token":""}',
        b'{"access_token":"a\\nb"}',
        b"\xff",
    ],
)
def test_a_response_without_a_usable_token_is_none(answer: bytes) -> None:
    assert parse_token(answer, 0) is None


def test_a_token_shows_no_secret() -> None:
    assert "canary" not in repr(parse_token(body(access_token="canary"), 0))


def test_a_token_is_requested_once_and_reused() -> None:
    asked: list[Token] = []

    def ask() -> Token:
        asked.append(token())
        return asked[-1]

    tokens = Tokens(ask)
    assert tokens.current() is tokens.current() is asked[0]
    assert len(asked) == 1


def test_an_expired_token_is_renewed(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = SteppedTime()
    monkeypatch.setattr(auth, "time", clock)
    made = [token("old", clock.monotonic() + 5), token("new")]
    tokens = Tokens(lambda: made.pop(0))
    clock.sleep(4.9)
    assert tokens.current().value.reveal() == "old"
    clock.sleep(0.1)
    assert tokens.current().value.reveal() == "new"


def test_threads_that_need_a_token_at_once_share_one_request() -> None:
    asked: list[int] = []

    def ask() -> Token:
        asked.append(1)
        time.sleep(0.1)
        return token()

    tokens = Tokens(ask)
    got: list[Token] = []
    threads = [threading.Thread(target=lambda: got.append(tokens.current())) for _ in range(10)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(asked) == 1
    assert len({id(one) for one in got}) == 1


class WatchedLock:
    """A lock that counts how many threads have come to it."""

    def __init__(self) -> None:
        self._lock, self.came = threading.Lock(), 0

    def __enter__(self) -> None:
        self.came += 1
        self._lock.acquire()

    def __exit__(self, *error: object) -> None:
        self._lock.release()


def test_threads_that_need_a_token_at_once_share_one_failure_and_the_next_asks_again() -> None:
    asked: list[int] = []
    failed: list[Unavailable] = []

    def ask() -> Token:
        asked.append(1)
        if len(asked) > 1:
            return token()
        wait_for("five threads at the lock", lambda: lock.came == 5)
        raise Unavailable("down", tries=1, seconds=1, tenant="acme")

    def need() -> None:
        try:
            tokens.current()
        except Unavailable as error:
            failed.append(error)

    tokens = Tokens(ask)
    lock = tokens._lock = WatchedLock()  # type: ignore[assignment]
    threads = [threading.Thread(target=need) for _ in range(5)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (len(asked), len(failed)) == (1, 5)
    assert tokens.current().value.reveal() == "t"


def test_a_rejected_token_is_replaced_once_however_many_threads_used_it() -> None:
    made = [token("first"), token("second"), token("third")]
    tokens = Tokens(lambda: made.pop(0))
    refused = tokens.current()
    assert tokens.instead_of(refused).value.reveal() == "second"
    assert tokens.instead_of(refused).value.reveal() == "second"
    assert tokens.current().value.reveal() == "second"


def test_a_rejected_token_is_not_reused_after_a_failed_renewal() -> None:
    answers: list[Token | Exception] = [token("first"), RuntimeError("down"), token("second")]

    def ask() -> Token:
        answer = answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer

    tokens = Tokens(ask)
    refused = tokens.current()
    with pytest.raises(RuntimeError):
        tokens.instead_of(refused)
    assert tokens.current().value.reveal() == "second"


def test_a_signature_puts_token_and_app_key_in_headers_and_nowhere_else() -> None:
    tokens = Tokens(lambda: token("jwt"))
    signature = Signature(tokens, Secret("ak1.key"))
    request = requests.Request("GET", "http://x/y", params={"a": "b"}, auth=signature).prepare()
    assert (request.headers["Authorization"], request.headers["ST-App-Key"]) == ("Bearer jwt", "ak1.key")
    assert request.url == "http://x/y?a=b"
    assert signature.used is tokens.current()


def test_a_signature_for_a_refused_token_takes_another() -> None:
    made = [token("first"), token("second")]
    tokens = Tokens(lambda: made.pop(0))
    again = Signature(tokens, Secret("k"), refused=tokens.current())
    assert requests.Request("GET", "http://x", auth=again).prepare().headers["Authorization"] == "Bearer second"
