"""id_token.py: which id tokens are believed. How they are fetched is test_oidc.py."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from hypothesis import given, settings
from hypothesis import strategies as st
from joserfc import jwt
from joserfc.jwk import ECKey, KeySet, OctKey, RSAKey

from st_pipeline.portal.oidc.id_token import LEEWAY_SECONDS, KeyUnknown, NotTrusted, identity, read_keys, verify
from tests.portal.oidc_provider import new_key, signed

NOW = datetime(2026, 6, 1, 12, tzinfo=UTC)
SECONDS = int(NOW.timestamp())
ISSUER = "https://login.example.com/realm"
KEY, OTHER = new_key("first"), new_key("other")
# Its id is free to write: what counts is whose key it is.
IMPOSTOR = RSAKey.import_key(OTHER.as_dict(private=True) | {"kid": "first"})
KEYS = read_keys(KeySet([KEY]).as_dict())
CLAIMS: dict[str, Any] = {
    "iss": ISSUER,
    "aud": "st-pipeline",
    "sub": "subject-1",
    "nonce": "the nonce",
    "iat": SECONDS,
    "exp": SECONDS + 300,
    "email": "Ann@Example.com",
    "email_verified": True,
}


def check(token: object, keys: KeySet = KEYS, access_token: object = None) -> dict[str, Any]:
    return verify(
        token, keys, issuer=ISSUER, client_id="st-pipeline", nonce="the nonce", access_token=access_token, now=NOW
    )


def with_claims(**claims: Any) -> str:
    return signed({name: value for name, value in (CLAIMS | claims).items() if value is not None}, KEY)


def part(value: object) -> str:
    return base64.urlsafe_b64encode(json.dumps(value).encode()).rstrip(b"=").decode()


def test_what_these_tests_sign_by_hand_is_as_good_as_any() -> None:
    assert check(by_hand({"alg": "RS256", "kid": "first"}))["sub"] == "subject-1"


def test_a_right_token_says_who_it_is_with_the_address_in_lower_case() -> None:
    found = identity(ISSUER, check(with_claims()))
    assert (found.issuer, found.subject) == (ISSUER, "subject-1")
    assert (found.email, found.email_verified) == ("ann@example.com", True)


@pytest.mark.parametrize(
    "claims",
    [
        {"aud": ["st-pipeline"]},
        {"aud": ["another", "st-pipeline"], "azp": "st-pipeline"},
        {"azp": "st-pipeline"},
        {"exp": SECONDS - LEEWAY_SECONDS + 1},
        {"iat": SECONDS + LEEWAY_SECONDS},
        {"nbf": SECONDS},
        {"at_hash": base64.urlsafe_b64encode(bytes.fromhex("00")).decode(), "unknown": {"a": 1}},
    ],
)
def test_what_the_standard_allows_is_believed(claims: dict[str, Any]) -> None:
    assert check(with_claims(**claims))["sub"] == "subject-1"


@pytest.mark.parametrize(
    "claims",
    [
        {"iss": "https://evil.test"},
        {"iss": f"{ISSUER}/"},
        {"iss": [ISSUER]},
        {"iss": None},
        {"aud": "another"},
        {"aud": "another", "azp": "st-pipeline"},
        {"aud": ["another"]},
        {"aud": []},
        {"aud": None},
        {"aud": {"st-pipeline": 1}},
        {"aud": ["st-pipeline", "another"]},
        {"aud": ["st-pipeline", "another"], "azp": "another"},
        {"azp": "another"},
        {"exp": SECONDS - LEEWAY_SECONDS},
        {"exp": SECONDS - 3600},
        {"exp": None},
        {"exp": "9999999999"},
        {"exp": True},
        {"iat": SECONDS + LEEWAY_SECONDS + 1},
        {"iat": None},
        {"iat": "now"},
        {"nbf": SECONDS + 3600},
        {"nonce": "another nonce"},
        {"nonce": ""},
        {"nonce": None},
        {"nonce": ["the nonce"]},
        {"sub": ""},
        {"sub": None},
        {"sub": 7},
    ],
    ids=str,
)
def test_a_token_with_a_wrong_claim_is_not(claims: dict[str, Any]) -> None:
    with pytest.raises(NotTrusted) as refused:
        check(with_claims(**claims))
    assert "evil.test" not in str(refused.value)


def test_an_expiry_that_is_no_number_never_counts() -> None:
    """JSON of Python knows NaN and Infinity; every comparison with NaN is false."""
    for text in ("NaN", "Infinity", "1e999"):
        payload = json.dumps(CLAIMS).replace(str(SECONDS + 300), text).encode()
        with pytest.raises(NotTrusted):
            check(by_hand({"alg": "RS256", "kid": "first"}, payload))


def by_hand(header: dict[str, Any], payload: bytes | None = None) -> str:
    """Signed with our key, whatever the header and the payload say; no library would make it."""
    body = f"{part(header)}.{base64.urlsafe_b64encode(payload or json.dumps(CLAIMS).encode()).rstrip(b'=').decode()}"
    private = serialization.load_pem_private_key(KEY.as_pem(private=True), None)
    assert isinstance(private, RSAPrivateKey)
    signature = private.sign(body.encode(), PKCS1v15(), hashes.SHA256())
    return f"{body}.{base64.urlsafe_b64encode(signature).rstrip(b'=').decode()}"


def hs256_with_the_public_key() -> str:
    """The known confusion: the public key's text as a shared secret."""
    body = f"{part({'alg': 'HS256', 'kid': 'first'})}.{part(CLAIMS)}"
    signature = hmac.digest(KEY.as_pem(private=False), body.encode(), "sha256")
    return f"{body}.{base64.urlsafe_b64encode(signature).rstrip(b'=').decode()}"


def tampered() -> str:
    header, _, signature = with_claims().split(".")
    return f"{header}.{part(CLAIMS | {'email': 'boss@example.com'})}.{signature}"


FORGED: dict[str, Callable[[], str]] = {
    "no algorithm": lambda: f"{part({'alg': 'none'})}.{part(CLAIMS)}.",
    "no algorithm, of our key": lambda: f"{part({'alg': 'none', 'kid': 'first'})}.{part(CLAIMS)}.",
    "NONE": lambda: f"{part({'alg': 'NONE', 'kid': 'first'})}.{part(CLAIMS)}.",
    "no signature": lambda: with_claims().rsplit(".", 1)[0] + ".",
    "HS256 with the public key": hs256_with_the_public_key,
    "HS256 with nothing": lambda: jwt.encode(
        {"alg": "HS256", "kid": "first"}, CLAIMS, OctKey.import_key("x" * 16), algorithms=["HS256"]
    ),
    "another's key under our key's name": lambda: signed(CLAIMS, IMPOSTOR),
    "a key of its own inside": lambda: jwt.encode(
        {"alg": "RS256", "kid": "first", "jwk": OTHER.as_dict(private=False)}, CLAIMS, IMPOSTOR
    ),
    "another payload": tampered,
    "an extension that must be understood": lambda: by_hand({"alg": "RS256", "kid": "first", "crit": ["x"], "x": 1}),
    "a list": lambda: by_hand({"alg": "RS256", "kid": "first"}, b"[1]"),
    "no JSON": lambda: by_hand({"alg": "RS256", "kid": "first"}, b"{"),
    "without an algorithm": lambda: by_hand({"kid": "first"}),
    "encrypted": lambda: "a.b.c.d.e",
    "dots": lambda: "..",
    "empty": lambda: "",
    "no ASCII": lambda: "é.é.é",
    "200 KB": lambda: "a" * 200_000,
    "nested": lambda: f"{base64.urlsafe_b64encode(b'[' * 60_000).decode()}.e30.AAAA",
}


@pytest.mark.parametrize("kind", FORGED)
def test_a_forged_token_is_not_believed(kind: str) -> None:
    with pytest.raises(NotTrusted) as refused:
        check(FORGED[kind]())
    assert not isinstance(refused.value, KeyUnknown)


def test_a_shared_secret_signs_nothing_even_if_it_were_among_the_keys() -> None:
    shared = OctKey.generate_key(256, {"kid": "shared"})
    token = jwt.encode({"alg": "HS256", "kid": "shared"}, CLAIMS, shared, algorithms=["HS256"])
    with pytest.raises(NotTrusted, match="unsupported_algorithm"):
        check(token, KeySet([shared]))


@pytest.mark.parametrize("token", [None, 7, b"", {}, ["a"]])
def test_what_is_no_text_is_no_token(token: object) -> None:
    with pytest.raises(NotTrusted, match="no id token"):
        check(token)


def test_a_key_that_is_not_there_is_told_apart_so_that_new_ones_are_fetched() -> None:
    with pytest.raises(KeyUnknown):
        check(signed(CLAIMS, OTHER))


def test_a_token_without_a_key_id_is_of_the_only_key_and_of_none_where_there_are_more() -> None:
    token = by_hand({"alg": "RS256"})
    assert check(token)["sub"] == "subject-1"
    with pytest.raises(KeyUnknown):
        check(token, read_keys(KeySet([KEY, OTHER]).as_dict()))
    with pytest.raises(NotTrusted):
        check(token, read_keys(KeySet([OTHER]).as_dict()))


def test_the_access_token_must_be_the_one_that_the_id_token_was_given_with() -> None:
    half = base64.urlsafe_b64encode(hashlib.sha256(b"access").digest()[:16]).rstrip(b"=").decode()
    assert check(with_claims(at_hash=half), access_token="access")
    for hashed in ("x" + half[1:], half[:-2], 7, ["x"]):
        with pytest.raises(NotTrusted):
            check(with_claims(at_hash=hashed), access_token="access")


def test_shared_and_unknown_keys_are_left_out_and_none_left_is_refused() -> None:
    shared = OctKey.generate_key(256).as_dict()
    public = KEY.as_dict(private=False)
    junk: list[Any] = [
        shared,
        {"kty": "XYZ"},
        {},
        None,
        7,
        {"kty": "RSA"},
        {"kty": "RSA", "n": "é", "e": "AQAB"},
        {"kty": []},
    ]
    assert [key.kid for key in read_keys({"keys": [*junk, public]})] == ["first"]
    for document in ({"keys": junk}, {"keys": []}, {"keys": None}, {}, [], None, "keys"):
        with pytest.raises(NotTrusted, match="lists no key"):
            read_keys(document)


def test_a_key_for_encryption_signs_nothing() -> None:
    with pytest.raises(NotTrusted):
        check(
            with_claims(),
            read_keys({"keys": [KEY.as_dict(private=False) | {"use": "enc"}, OTHER.as_dict(private=False)]}),
        )


def test_elliptic_curves_are_understood() -> None:
    key = ECKey.generate_key("P-256", {"kid": "ec"})
    assert check(jwt.encode({"alg": "ES256", "kid": "ec"}, CLAIMS, key), KeySet([key]))["sub"] == "subject-1"


JSON = st.recursive(
    st.none() | st.booleans() | st.floats() | st.integers() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)


@settings(max_examples=100)
@given(
    claims=st.dictionaries(st.sampled_from([*CLAIMS, "azp", "at_hash", "amr", "auth_time", "nbf"]), JSON, max_size=3)
)
def test_whatever_is_in_a_signed_token_is_believed_or_refused_but_makes_no_fault(claims: dict[str, Any]) -> None:
    token = signed(CLAIMS | claims, KEY)
    try:
        found = identity(ISSUER, check(token, access_token="access"))
    except NotTrusted:
        return
    assert found.subject.isprintable()
    assert found.email is None or found.email.isprintable()
    assert claims.get("iss", ISSUER) == ISSUER
    assert claims.get("nonce", "the nonce") == "the nonce"


@pytest.mark.parametrize(
    ("claims", "email", "is_verified"),
    [
        ({}, None, False),
        ({"email": "a@b.c"}, "a@b.c", False),
        ({"email": "a@b.c", "email_verified": False}, "a@b.c", False),
        ({"email": "a@b.c", "email_verified": "false"}, "a@b.c", False),
        ({"email": "a@b.c", "email_verified": 2}, "a@b.c", False),
        ({"email": "a@b.c", "email_verified": [True]}, "a@b.c", False),
        ({"email": "a@b.c", "email_verified": "true"}, "a@b.c", True),
        ({"email": "a@b.c", "email_verified": 1.0}, "a@b.c", False),
        ({"email": "a@b.c", "email_verified": None}, "a@b.c", False),
        ({"email": "a@b.c", "xms_edov": True}, "a@b.c", True),
        ({"email": "a@b.c", "xms_edov": 1}, "a@b.c", True),
        ({"email": "a@b.c", "xms_edov": "1"}, "a@b.c", True),
        ({"email": "a@b.c", "xms_edov": False}, "a@b.c", False),
        ({"email": "a@b.c", "xms_edov": 0}, "a@b.c", False),
        ({"email": "a@b.c", "xms_edov": True, "email_verified": False}, "a@b.c", False),
        ({"email": ["a@b.c"], "email_verified": True}, None, True),
        ({"email": "a@b.c\0", "email_verified": True}, None, True),
        ({"email": "a" * 255, "email_verified": True}, None, True),
    ],
)
def test_an_address_is_verified_only_if_the_provider_says_so(
    claims: dict[str, Any], email: str | None, is_verified: bool
) -> None:
    found = identity(ISSUER, {"sub": "x", **claims})
    assert (found.email, found.email_verified) == (email, is_verified)


@pytest.mark.parametrize("subject", ["", "a" * 256, "a\0b", "a\nb", None, 7])
def test_a_subject_that_cannot_be_kept_is_refused(subject: object) -> None:
    with pytest.raises(NotTrusted):
        identity(ISSUER, {"sub": subject})
