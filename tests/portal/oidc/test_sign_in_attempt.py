"""portal/oidc/sign_in_attempt.py: what one sign-in through the provider begins with."""

from __future__ import annotations

import re
from dataclasses import asdict

from st_pipeline.portal.oidc.sign_in_attempt import Attempt


def test_no_two_attempts_are_alike_and_none_shows_itself() -> None:
    attempts = [Attempt.new("/") for _ in range(50)]
    for part in ("state", "nonce", "verifier"):
        assert len({getattr(attempt, part) for attempt in attempts}) == 50
    assert attempts[0].state not in repr(attempts)
    assert len({attempts[0].state, attempts[0].nonce, attempts[0].verifier}) == 3


def test_a_verifier_is_one_that_the_standard_allows() -> None:
    """RFC 7636, 4.1: 43 to 128 unreserved characters."""
    for _ in range(20):
        assert re.fullmatch(r"[A-Za-z0-9._~-]{43,128}", Attempt.new("/").verifier)


def test_state_and_nonce_have_256_bits() -> None:
    attempt = Attempt.new("/")
    assert min(len(attempt.state), len(attempt.nonce)) >= 43


def test_an_attempt_keeps_the_page_to_go_to_and_comes_back_from_its_parts() -> None:
    attempt = Attempt.new("/tenants/acme?x=1")
    assert attempt.next == "/tenants/acme?x=1"
    assert Attempt(**asdict(attempt)) == attempt
    assert repr(attempt) == "Attempt()", "nothing of it gets into a log"
