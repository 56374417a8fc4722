"""portal/web/cookies.py: signed ids, notes that expire, and the tokens of forms."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from http.cookies import SimpleCookie

import pytest
from cryptography.fernet import Fernet
from hypothesis import given
from hypothesis import strategies as st
from itsdangerous import Signer
from starlette.requests import Request
from starlette.responses import Response

from st_pipeline.portal.web.cookies import SESSION, VISITOR, Cookies, new_visitor
from st_pipeline.secret import Secret

NOW = datetime(2026, 6, 1, 12, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
PATH = "/sign-in/oidc"


def new_key() -> Secret:
    return Secret(Fernet.generate_key().decode())


KEY = new_key()
COOKIES = Cookies([KEY])
CHANGES = st.tuples(st.sampled_from(["put", "cut", "swap"]), st.integers(0, 200), st.sampled_from("aZ09-_.="))


def request(values: Mapping[str, str]) -> Request:
    header = "; ".join(f"{name}={value}" for name, value in values.items())
    return Request({"type": "http", "headers": [(b"cookie", header.encode("latin-1"))]})


def written(value: str, cookies: Cookies = COOKIES) -> str:
    """What a browser keeps of a cookie with this id."""
    response = Response()
    cookies.write(response, SESSION, value, is_secure=True)
    return kept(response, SESSION)


def noted(values: Mapping[str, str], cookies: Cookies = COOKIES, lives: timedelta = 10 * MINUTE) -> str:
    response = Response()
    cookies.write_value(response, "note", values, NOW, lives, path=PATH, is_secure=True)
    return kept(response, "note")


def kept(response: Response, name: str) -> str:
    return SimpleCookie(response.headers["set-cookie"])[name].value


def changed(text: str, change: tuple[str, int, str]) -> str:
    """Except in the last character, where base64 has two bits to spare: other spellings of the same signature."""
    how, place, character = change
    place %= len(text) - 1
    if how == "put":
        return text[:place] + character + text[place:]
    return text[:place] + ("" if how == "cut" else character) + text[place + 1 :]


@given(st.text("abcXYZ019-_", min_size=1, max_size=64))
def test_an_id_is_read_as_it_was_written(value: str) -> None:
    assert COOKIES.read(request({SESSION: written(value)}), SESSION) == value


@given(CHANGES)
def test_an_id_that_was_changed_anywhere_is_none(change: tuple[str, int, str]) -> None:
    good = written("an-id-of-a-session")
    bad = changed(good, change)
    found = COOKIES.read(request({SESSION: bad}), SESSION)
    assert found == ("an-id-of-a-session" if bad == good else None)


@pytest.mark.parametrize("value", ["", ".", "an-id", "an-id.", ".an-id", "é.x", "x" * 5000])
def test_what_was_never_signed_is_none(value: str) -> None:
    assert COOKIES.read(request({SESSION: value}), SESSION) is None
    assert COOKIES.read_value(request({SESSION: value}), SESSION, NOW) is None
    assert COOKIES.read(request({}), SESSION) is None
    assert COOKIES.read_value(request({}), SESSION, NOW) is None


def test_a_signature_by_another_key_or_the_vaults_own_is_none() -> None:
    assert COOKIES.read(request({SESSION: written("an-id", Cookies([new_key()]))}), SESSION) is None
    raw = base64.urlsafe_b64decode(KEY.reveal())
    for key in (raw, KEY.reveal().encode()):
        forged = Signer(key, salt="st-pipeline portal cookie", digest_method=hashlib.sha256).sign("an-id").decode()
        assert COOKIES.read(request({SESSION: forged}), SESSION) is None, "the vault's key itself signs no cookies"


def test_a_cookie_signed_with_an_older_key_still_counts() -> None:
    old, new = new_key(), new_key()
    before, both, after = Cookies([old]), Cookies([new, old]), Cookies([new])
    sent = request({SESSION: written("an-id", before), "note": noted({"a": "b"}, before)})
    assert both.read(sent, SESSION) == "an-id"
    assert both.read_value(sent, "note", NOW) == {"a": "b"}
    assert both.form_token("an-id") == before.form_token("an-id"), "a form that is open is still accepted"
    assert after.read(sent, SESSION) is None
    assert after.read_value(sent, "note", NOW) is None


def test_the_newest_key_signs() -> None:
    old, new = new_key(), new_key()
    sent = request({SESSION: written("an-id", Cookies([new, old]))})
    assert Cookies([new]).read(sent, SESSION) == "an-id"
    assert Cookies([old]).read(sent, SESSION) is None


@pytest.mark.parametrize("is_secure", [True, False])
def test_a_session_cookie_is_hidden_from_scripts_and_other_sites_and_goes_with_the_browser(is_secure: bool) -> None:
    response = Response()
    COOKIES.write(response, SESSION, "an-id", is_secure=is_secure)
    cookie = SimpleCookie(response.headers["set-cookie"])[SESSION]
    assert (cookie["httponly"], cookie["samesite"], cookie["path"]) == (True, "lax", "/")
    assert bool(cookie["secure"]) is is_secure
    assert not cookie["max-age"]
    assert not cookie["expires"]
    assert not cookie["domain"], "no other host of the domain gets it"


@pytest.mark.parametrize("is_secure", [True, False])
def test_a_note_is_sent_to_its_path_alone_for_as_long_as_it_lives(is_secure: bool) -> None:
    response = Response()
    COOKIES.write_value(response, "note", {"a": "b"}, NOW, 10 * MINUTE, path=PATH, is_secure=is_secure)
    cookie = SimpleCookie(response.headers["set-cookie"])["note"]
    assert (cookie["httponly"], cookie["samesite"], cookie["path"]) == (True, "lax", PATH)
    assert bool(cookie["secure"]) is is_secure
    assert cookie["max-age"] == "600"


@given(st.dictionaries(st.text(max_size=20), st.text(max_size=40), max_size=4))
def test_a_note_is_read_as_it_was_written(values: dict[str, str]) -> None:
    assert COOKIES.read_value(request({"note": noted(values)}), "note", NOW) == values


def test_a_note_counts_until_its_time_is_over_whatever_the_browser_does() -> None:
    sent = request({"note": noted({"a": "b"})})
    assert COOKIES.read_value(sent, "note", NOW + 10 * MINUTE - timedelta(seconds=1)) == {"a": "b"}
    assert COOKIES.read_value(sent, "note", NOW + 10 * MINUTE) is None


@given(CHANGES)
def test_a_note_that_was_changed_anywhere_is_none(change: tuple[str, int, str]) -> None:
    good = noted({"state": "x"})
    bad = changed(good, change)
    found = COOKIES.read_value(request({"note": bad}), "note", NOW)
    assert found == ({"state": "x"} if bad == good else None)


def test_an_id_is_no_note_and_a_note_is_no_id() -> None:
    sent = request({SESSION: noted({"a": "b"}), "note": written("an-id")})
    assert COOKIES.read(sent, SESSION) is None
    assert COOKIES.read_value(sent, "note", NOW) is None


@given(st.text("abc019-_", min_size=1, max_size=40), st.text("abc019-_", min_size=1, max_size=40))
def test_a_form_token_belongs_to_one_browser(one: str, other: str) -> None:
    token = COOKIES.form_token(one)
    assert COOKIES.is_form_token(one, token)
    assert COOKIES.is_form_token(other, token) is (one == other)


@pytest.mark.parametrize("wrong", ["", "0" * 64, "é", "x" * 10_000])
def test_another_text_is_no_form_token(wrong: str) -> None:
    token = COOKIES.form_token("an-id")
    for text in (wrong, token[:-1], token + "0", token.upper(), f" {token}"):
        assert not COOKIES.is_form_token("an-id", text)
    assert not Cookies([new_key()]).is_form_token("an-id", token), "of another installation"


def test_a_form_token_is_no_signature_of_the_cookie() -> None:
    """Every page shows its token; it must not help to forge the cookie that it belongs to."""
    token = COOKIES.form_token("an-id")
    as_signature = base64.urlsafe_b64encode(bytes.fromhex(token)).rstrip(b"=").decode()
    assert COOKIES.read(request({SESSION: f"an-id.{as_signature}"}), SESSION) is None


def test_ids_of_visitors_are_random_and_kept_apart_from_sessions() -> None:
    ids = {new_visitor() for _ in range(50)}
    assert len(ids) == 50
    assert min(map(len, ids)) >= 32
    assert VISITOR != SESSION
