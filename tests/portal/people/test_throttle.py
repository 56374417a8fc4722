"""portal/people/throttle.py: how many tries an account and an address get."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from st_pipeline.portal.people.throttle import PER_ACCOUNT, PER_ADDRESS, Throttle


@pytest.fixture
def throttle() -> Throttle:
    return Throttle()


def test_an_account_gets_ten_tries_from_wherever_they_come(throttle: Throttle) -> None:
    tries = [throttle.allows("ann", f"192.0.2.{number}") for number in range(PER_ACCOUNT + 3)]
    assert tries == [True] * PER_ACCOUNT + [False] * 3
    assert throttle.allows("bob", "192.0.2.1"), "another account has tries of its own"


def test_an_address_gets_fifty_tries_whatever_the_accounts(throttle: Throttle) -> None:
    tries = [throttle.allows(f"user {number}", "192.0.2.1") for number in range(PER_ADDRESS + 3)]
    assert tries == [True] * PER_ADDRESS + [False] * 3
    assert throttle.allows("new", "192.0.2.2"), "another address has tries of its own"


@given(st.text("aBcÄ@. ", max_size=250))
def test_spelling_a_name_differently_gives_no_more_tries(name: str) -> None:
    throttle = Throttle()
    spellings = (name, name.upper().lower(), f"  {name.strip().lower()} ", f"{name.strip().lower()}\t")
    tries = [throttle.allows(spellings[number % 4], f"192.0.2.{number}") for number in range(PER_ACCOUNT + 1)]
    assert tries == [True] * PER_ACCOUNT + [False]


def test_names_that_differ_only_after_200_characters_share_their_tries(throttle: Throttle) -> None:
    """No one can fill the memory with names of a megabyte, nor get more tries by making a name longer."""
    tries = [throttle.allows("a" * 200 + str(number), f"192.0.2.{number}") for number in range(PER_ACCOUNT + 1)]
    assert tries[-1] is False


def test_tries_at_a_throttled_account_still_count_for_the_address(throttle: Throttle) -> None:
    for _ in range(PER_ADDRESS):
        throttle.allows("ann", "192.0.2.1")
    assert not throttle.allows("bob", "192.0.2.1")
    assert throttle.allows("bob", "192.0.2.2")


def test_tries_without_a_known_account_count_for_the_address(throttle: Throttle) -> None:
    for _ in range(PER_ADDRESS - 1):
        assert throttle.allows_address("192.0.2.1")
    assert throttle.allows("ann", "192.0.2.1")
    assert not throttle.allows_address("192.0.2.1")
    assert not throttle.allows("ann", "192.0.2.1")
    assert throttle.allows_address("192.0.2.2")


def test_a_right_password_clears_the_account_and_not_the_address(throttle: Throttle) -> None:
    for number in range(PER_ADDRESS):
        throttle.allows(f"user {number}", "192.0.2.1")
    for _ in range(PER_ACCOUNT):
        throttle.allows("ann", "192.0.2.2")
    assert not throttle.allows("ann", "192.0.2.3")
    throttle.clear(" ANN ")
    assert throttle.allows("ann", "192.0.2.3")
    assert not throttle.allows("ann", "192.0.2.1"), "the address stays throttled"


def test_clearing_one_account_leaves_the_others(throttle: Throttle) -> None:
    for name in ("ann", "bob"):
        for number in range(PER_ACCOUNT):
            throttle.allows(name, f"192.0.2.{number}")
    throttle.clear("ann")
    throttle.clear("nobody")
    assert not throttle.allows("bob", "198.51.100.1")


def test_forgetting_clears_accounts_and_addresses(throttle: Throttle) -> None:
    for _ in range(PER_ADDRESS):
        throttle.allows("ann", "192.0.2.1")
    throttle.forget()
    assert throttle.allows("ann", "192.0.2.1")


def test_two_throttles_do_not_share_their_counts(throttle: Throttle) -> None:
    for _ in range(PER_ACCOUNT):
        throttle.allows("ann", "192.0.2.1")
    assert Throttle().allows("ann", "192.0.2.1")
