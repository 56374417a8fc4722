"""provider.py, before a real provider: the way there, the code, and everything that a provider can do wrong."""

from __future__ import annotations

import gzip
import logging
import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest
import requests

from st_pipeline.portal.oidc import provider as module
from st_pipeline.portal.oidc.id_token import Identity
from st_pipeline.portal.oidc.provider import (
    AnswerNotTrusted,
    OidcError,
    Provider,
    ProviderRefused,
    ProviderUnreachable,
)
from st_pipeline.portal.oidc.sign_in_attempt import Attempt
from st_pipeline.secret import Secret
from st_pipeline.settings import OpenIdClient
from tests.portal.oidc_provider import CLIENT_ID, CLIENT_SECRET, OidcProvider, new_key, send, send_json, serving
from tests.support.waiting import PATIENCE_SECONDS

REDIRECT = "https://portal.test/sign-in/oidc/callback"
DISCOVERY = "/.well-known/openid-configuration"


@pytest.fixture(scope="module")
def server() -> Iterator[OidcProvider]:
    with serving() as provider:
        yield provider


@pytest.fixture
def there(server: OidcProvider) -> OidcProvider:
    return server.reset()


@pytest.fixture
def provider(there: OidcProvider) -> Provider:
    return Provider(OpenIdClient(there.issuer, CLIENT_ID, Secret(CLIENT_SECRET)), REDIRECT)


def come_back(provider: Provider, attempt: Attempt) -> Secret:
    """The code that the browser brings back from the provider."""
    answer = requests.get(provider.authorization_url(attempt), allow_redirects=False, timeout=60)
    query = dict(parse_qsl(urlsplit(answer.headers["Location"]).query))
    assert query["state"] == attempt.state
    return Secret(query["code"])


def sign_in(provider: Provider, attempt: Attempt | None = None) -> Identity:
    attempt = attempt or Attempt.new("/")
    return provider.identify(come_back(provider, attempt), attempt, datetime.now(UTC))


def test_who_comes_back_is_known_by_subject_and_verified_address(provider: Provider, there: OidcProvider) -> None:
    assert sign_in(provider) == Identity(there.issuer, "subject-1", "ann@example.com", True)


def test_the_way_there_says_what_the_standard_asks_and_no_secret(provider: Provider) -> None:
    attempt = Attempt.new("/tenants/acme")
    url = provider.authorization_url(attempt)
    query = dict(parse_qsl(urlsplit(url).query))
    challenge = query.pop("code_challenge")
    assert query == {
        "response_type": "code", "client_id": CLIENT_ID, "redirect_uri": REDIRECT, "scope": "openid email profile",
        "state": attempt.state, "nonce": attempt.nonce, "code_challenge_method": "S256",
    }  # fmt: skip
    assert attempt.verifier not in url
    assert len(challenge) == 43
    assert not [text for text in (CLIENT_SECRET, attempt.next) if text in url]


def test_what_the_provider_says_of_itself_is_asked_once(
    provider: Provider, there: OidcProvider, monkeypatch: pytest.MonkeyPatch
) -> None:
    for _ in range(3):
        sign_in(provider)
    assert there.asked.count(DISCOVERY) == there.asked.count("/jwks") == 1
    monkeypatch.setattr(module, "KEPT_SECONDS", -1.0)
    sign_in(provider)
    assert there.asked.count("/jwks") == 2


@pytest.mark.parametrize("methods", [["client_secret_post"], ["client_secret_basic"], ["private_key_jwt"], None])
def test_the_client_shows_its_secret_in_the_way_that_the_provider_names(
    provider: Provider, there: OidcProvider, methods: list[str] | None
) -> None:
    there.metadata["token_endpoint_auth_methods_supported"] = methods
    assert sign_in(provider).subject == "subject-1"


def test_a_wrong_secret_is_refused_with_the_settings_to_look_at(there: OidcProvider) -> None:
    wrong = Provider(OpenIdClient(there.issuer, CLIENT_ID, Secret("canary-wrong")), REDIRECT)
    with pytest.raises(ProviderRefused, match=r"invalid_client: .*ST_PIPELINE_OIDC_CLIENT_SECRET") as refused:
        sign_in(wrong)
    assert "canary" not in str(refused.value) + repr(wrong)


def test_a_code_counts_once_and_with_its_own_verifier(provider: Provider) -> None:
    attempt, now = Attempt.new("/"), datetime.now(UTC)
    code = come_back(provider, attempt)
    with pytest.raises(ProviderRefused, match="invalid_grant"):
        provider.identify(code, Attempt.new("/"), now)
    code = come_back(provider, attempt)
    provider.identify(code, attempt, now)
    with pytest.raises(ProviderRefused, match="invalid_grant"):
        provider.identify(code, attempt, now)
    with pytest.raises(ProviderRefused):
        provider.identify(Secret("made\r\nup&code=é"), attempt, now)


def test_a_code_of_another_sign_in_does_not_bring_its_person(provider: Provider, there: OidcProvider) -> None:
    """The provider does not look at verifiers; the nonce still tells them apart."""
    there.claims["nonce"] = "of another sign-in"
    with pytest.raises(AnswerNotTrusted, match="nonce"):
        sign_in(provider)


def test_new_keys_are_fetched_once_when_an_unknown_one_signed(provider: Provider, there: OidcProvider) -> None:
    sign_in(provider)
    before = there.rotate()
    assert sign_in(provider).subject == "subject-1"
    assert there.asked.count("/jwks") == 2
    there.published = [before]
    there.rotate()
    with pytest.raises(AnswerNotTrusted, match="the provider has no key"):
        sign_in(provider)
    assert there.asked.count("/jwks") == 3


def test_a_key_of_somebody_else_is_not_the_providers(provider: Provider, there: OidcProvider) -> None:
    there.published = [new_key(there.key.kid or "")]
    with pytest.raises(AnswerNotTrusted, match="bad_signature"):
        sign_in(provider)


def test_an_address_that_only_userinfo_tells_is_asked_there(provider: Provider, there: OidcProvider) -> None:
    there.claims = {"email": None, "email_verified": None}
    assert sign_in(provider) == Identity(there.issuer, "subject-1", "ann@example.com", True)
    there.metadata["userinfo_endpoint"] = None
    fresh = Provider(provider.client, REDIRECT)
    assert sign_in(fresh).email is None


def test_what_the_token_says_of_an_address_is_not_said_of_the_one_that_userinfo_tells(
    provider: Provider, there: OidcProvider
) -> None:
    there.claims = {"email": None, "email_verified": True}
    there.answers["/userinfo"] = lambda handler: send_json(handler, {"sub": "subject-1", "email": "boss@example.com"})
    assert sign_in(provider) == Identity(there.issuer, "subject-1", "boss@example.com", False)


def test_what_userinfo_says_of_somebody_else_is_not_believed(provider: Provider, there: OidcProvider) -> None:
    there.claims = {"email": None}
    there.answers["/userinfo"] = lambda handler: send_json(handler, {"sub": "x", "email": "boss@example.com"})
    with pytest.raises(AnswerNotTrusted, match="a different person"):
        sign_in(provider)


@pytest.mark.parametrize("token", ["two\r\nX-Canary: lines", "é", "", 7])
def test_an_access_token_that_is_none_makes_no_header(provider: Provider, there: OidcProvider, token: object) -> None:
    there.claims = {"email": None}
    there.tokens = {"access_token": token}
    try:
        assert sign_in(provider).email is None
    except OidcError as error:
        assert "canary" not in str(error).lower()


def broken(kind: str) -> Callable[[BaseHTTPRequestHandler], None]:
    """What a provider, or something before it, can answer instead."""

    def cut(handler: BaseHTTPRequestHandler) -> None:
        handler.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n{")

    def reset(handler: BaseHTTPRequestHandler) -> None:
        handler.connection.close()

    kinds: dict[str, Callable[[BaseHTTPRequestHandler], None]] = {
        "500": lambda handler: send(handler, 500, b"canary-of-the-provider"),
        "503 JSON": lambda handler: send_json(handler, {"error": "temporarily_unavailable"}, 503),
        "429": lambda handler: send(handler, 429, b"slow down"),
        "404": lambda handler: send(handler, 404, b"<html>canary-of-the-provider"),
        "403": lambda handler: send(handler, 403, b"<html>canary-of-the-provider"),
        "redirect": lambda handler: send(handler, 302, b"", location="http://127.0.0.1:9/evil"),
        "307": lambda handler: send(handler, 307, b"", location="http://127.0.0.1:9/evil"),
        "HTML": lambda handler: send(handler, 200, b"<html>canary-of-the-provider"),
        "empty": lambda handler: send(handler, 200, b""),
        "a list": lambda handler: send_json(handler, ["canary-of-the-provider"]),
        "a number": lambda handler: send_json(handler, 7),
        "nothing of use": lambda handler: send_json(handler, {"canary": "of the provider", "expires_in": "x"}),
        "nested": lambda handler: send(handler, 200, b"[" * 200_000),
        "binary": lambda handler: send(handler, 200, bytes(range(256))),
        "bad gzip": lambda handler: send(handler, 200, b"no gzip", content_encoding="gzip"),
        "huge": lambda handler: send(handler, 200, b'"' + b"x" * 600_000),
        "bomb": lambda handler: send(handler, 200, gzip.compress(b"x" * 50_000_000), content_encoding="gzip"),
        "cut": cut,
        "reset": reset,
    }
    return kinds[kind]


UNREACHABLE = {"500", "503 JSON", "429", "bad gzip", "cut", "reset"}
BROKEN = [*UNREACHABLE, "404", "403", "redirect", "307", "HTML", "empty", "a list", "a number", "nothing of use",
          "nested", "binary", "huge", "bomb"]  # fmt: skip


@pytest.mark.parametrize("path", [DISCOVERY, "/jwks", "/token"])
@pytest.mark.parametrize("kind", sorted(BROKEN))
def test_a_broken_answer_is_told_as_what_it_is_and_nobody_gets_in(
    provider: Provider, there: OidcProvider, path: str, kind: str
) -> None:
    there.answers[path] = broken(kind)
    with pytest.raises(OidcError) as refused:
        sign_in(provider)
    expected = ProviderUnreachable if kind in UNREACHABLE else AnswerNotTrusted
    if path == "/token" and kind in ("403", "404"):
        expected = ProviderRefused
    assert type(refused.value) is expected, refused.value
    assert there.issuer in str(refused.value)
    assert "canary" not in str(refused.value)
    there.reset()
    assert sign_in(provider).subject == "subject-1", "what was broken is not kept"


def test_an_error_in_the_providers_own_words_is_not_repeated(provider: Provider, there: OidcProvider) -> None:
    for error in ("canary words of the provider", "canary\r\nline", {"canary": 1}, ["canary"], 7):
        there.answers["/token"] = lambda handler, error=error: send_json(handler, {"error": error}, 400)
        with pytest.raises(ProviderRefused, match="answered refused: check the log of the provider") as refused:
            sign_in(provider)
        assert "canary" not in str(refused.value)


def test_a_document_of_another_issuer_is_not_believed(provider: Provider, there: OidcProvider) -> None:
    there.metadata["issuer"] = "https://evil.test"
    with pytest.raises(AnswerNotTrusted, match=r"names another issuer: https://evil\.test; set"):
        sign_in(provider)


def test_a_document_without_end_is_not_read_although_nothing_else_is_wrong_with_it(
    provider: Provider, there: OidcProvider
) -> None:
    there.metadata["x"] = "x" * module.LARGEST_ANSWER
    with pytest.raises(AnswerNotTrusted, match="larger than 512 KB"):
        sign_in(provider)


def test_on_this_machine_no_proxy_is_asked(provider: Provider, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
    monkeypatch.delenv("no_proxy", raising=False)
    monkeypatch.delenv("NO_PROXY", raising=False)
    provider.check()


def test_where_nobody_listens_the_provider_is_unreachable() -> None:
    nowhere = Provider(OpenIdClient("http://127.0.0.1:9", CLIENT_ID, Secret(CLIENT_SECRET)), REDIRECT)
    with pytest.raises(ProviderUnreachable, match=r"http://127.0.0.1:9 did not respond \(ConnectionError\)"):
        nowhere.authorization_url(Attempt.new("/"))


@pytest.mark.parametrize("path", [DISCOVERY, "/jwks", "/token"])
@pytest.mark.parametrize("drips", [False, True])
def test_a_slow_provider_is_not_waited_for(
    provider: Provider, there: OidcProvider, monkeypatch: pytest.MonkeyPatch, path: str, drips: bool
) -> None:
    monkeypatch.setattr(module, "SECONDS", 0.1)
    over = threading.Event()
    drops = 1000  # half a minute of them; who had waited for them all would have said what they are not

    def slow(handler: BaseHTTPRequestHandler) -> None:
        handler.wfile.write(f"HTTP/1.1 200 OK\r\nContent-Length: {drops}\r\n\r\n".encode())
        for _ in range(drops):
            if over.wait(0.03):
                return
            if drips:
                handler.wfile.write(b" ")
        handler.wfile.write(b"" if drips else b" " * drops)

    there.answers[path] = slow
    try:
        with pytest.raises(ProviderUnreachable, match="did not respond"):
            sign_in(provider)
    finally:
        over.set()


def test_few_wait_for_a_slow_provider_at_once(provider: Provider, there: OidcProvider) -> None:
    over, waiting = threading.Event(), threading.Semaphore(0)

    def slow(handler: BaseHTTPRequestHandler) -> None:
        waiting.release()
        over.wait(PATIENCE_SECONDS)
        send_json(handler, there.document())

    there.answers[DISCOVERY] = slow
    urls: list[str] = []
    threads = [
        threading.Thread(target=lambda: urls.append(provider.authorization_url(Attempt.new("/"))))
        for _ in range(module.PLACES)
    ]
    for thread in threads:
        thread.start()
    try:
        for _ in threads:
            assert waiting.acquire(timeout=PATIENCE_SECONDS)
        with pytest.raises(ProviderUnreachable, match="too many sign-ins are waiting"):
            provider.authorization_url(Attempt.new("/"))
    finally:
        over.set()
        for thread in threads:
            thread.join()
    assert len(urls) == module.PLACES
    provider.authorization_url(Attempt.new("/"))


def test_check_asks_anew_and_says_what_is_wrong(provider: Provider, there: OidcProvider) -> None:
    provider.check()
    provider.check()
    assert there.asked.count(DISCOVERY) == there.asked.count("/jwks") == 2
    there.answers["/jwks"] = broken("500")
    with pytest.raises(ProviderUnreachable, match="/jwks answered 500; try again later"):
        provider.check()


def test_no_secret_is_logged(provider: Provider, there: OidcProvider, caplog: pytest.LogCaptureFixture) -> None:
    there.claims = {"email": None}  # userinfo too
    with caplog.at_level(logging.DEBUG):
        attempt = Attempt.new("/")
        url = provider.authorization_url(attempt)
        answer = requests.get(url, allow_redirects=False, timeout=60)
        caplog.clear()  # what the browser's own library says
        code = Secret(dict(parse_qsl(urlsplit(answer.headers["Location"]).query))["code"])
        provider.identify(code, attempt, datetime.now(UTC))
        there.answers["/token"] = broken("HTML")
        with pytest.raises(AnswerNotTrusted):
            provider.identify(code, attempt, datetime.now(UTC))
    assert "/token" in caplog.text
    hidden: list[Any] = [*there.seen, CLIENT_SECRET, "canary", attempt.verifier, attempt.nonce, attempt.state]
    assert not [text for text in hidden if text in caplog.text]
