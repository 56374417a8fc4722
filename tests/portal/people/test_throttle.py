"""portal/people/throttle.py: how many tries an account, an address and a known browser get."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg
import pytest
from hypothesis import given
from hypothesis import strategies as st

from st_pipeline.portal.people.throttle import MINUTES, PER_ACCOUNT, PER_ADDRESS, PER_SOURCE, Throttle

NOW = datetime(2026, 6, 1, 12, tzinfo=UTC)
MINE, STRANGERS = "192.0.2.1", "198.51.100.1"


def digest(text: str) -> bytes:
    return hmac.new(b"key", text.encode(), hashlib.sha256).digest()


@dataclass
class Door:
    """Where people try to sign in. Each try has a new Throttle, as after a restart of the portal."""

    connection: psycopg.Connection[Any]
    now: datetime = NOW

    @property
    def throttle(self) -> Throttle:
        return Throttle(digest)

    def allows(self, account: str, address: str, device: str | None = None) -> bool:
        return self.throttle.allows(self.connection, account, address, self.now, device)

    def allows_address(self, address: str) -> bool:
        return self.throttle.allows_address(self.connection, address, self.now)

    def exhaust(self, account: str, address: str) -> None:
        for _ in range(PER_SOURCE):
            self.allows(account, address)
        assert not self.allows(account, address)


@pytest.fixture
def door(control: psycopg.Connection) -> Iterator[Door]:
    control.execute("delete from control.sign_in_tries")
    yield Door(control)


def test_an_address_gets_ten_tries_at_an_account(door: Door) -> None:
    tries = [door.allows("ann", STRANGERS) for _ in range(PER_SOURCE + 3)]
    assert tries == [True] * PER_SOURCE + [False] * 3
    assert door.allows("bob", STRANGERS), "another account has tries of its own"


def test_a_strangers_tries_do_not_lock_out_the_owner_at_another_address(door: Door) -> None:
    door.exhaust("ann", STRANGERS)
    assert door.allows("ann", MINE)


def test_a_browser_that_signed_in_before_gets_in_whatever_strangers_do(door: Door) -> None:
    """Also from the same address: on one machine, or behind one router, everyone has the same."""
    device = door.throttle.known_device("ann", None)
    for number in range(PER_ACCOUNT):
        door.allows("ann", f"198.51.100.{number}")
    for number in range(PER_ADDRESS):
        door.allows(f"user {number}", MINE)
    assert not door.allows("ann", MINE)
    assert door.allows("ann", MINE, device)


def test_a_known_browser_has_ten_tries_too(door: Door) -> None:
    device = door.throttle.known_device("ann", None)
    tries = [door.allows("ann", f"192.0.2.{number}", device) for number in range(PER_SOURCE + 3)]
    assert tries == [True] * PER_SOURCE + [False] * 3
    assert door.allows("ann", MINE), "which take none of the others'"


def test_a_browser_known_to_one_account_is_a_stranger_to_another(door: Door) -> None:
    device = door.throttle.known_device("eve", None)
    door.exhaust("ann", MINE)
    assert not door.allows("ann", MINE, device)
    assert not door.allows("ann", MINE, f".{device}")
    assert door.throttle.known_device("ann", device) != device
    assert door.throttle.known_device("eve", device) == device


def test_all_strangers_together_get_thirty_tries_at_an_account(door: Door) -> None:
    tries = [door.allows("ann", f"198.51.100.{number}") for number in range(PER_ACCOUNT + 3)]
    assert tries == [True] * PER_ACCOUNT + [False] * 3


def test_an_address_gets_fifty_tries_whatever_the_accounts(door: Door) -> None:
    tries = [door.allows(f"user {number}", MINE) for number in range(PER_ADDRESS + 3)]
    assert tries == [True] * PER_ADDRESS + [False] * 3
    assert door.allows("new", STRANGERS), "another address has tries of its own"


def test_tries_count_for_a_quarter_of_an_hour_and_then_leave_the_table(door: Door) -> None:
    door.exhaust("ann", MINE)
    door.now = NOW + timedelta(minutes=MINUTES)
    assert door.allows("ann", MINE)
    assert door.connection.execute("select count(*) from control.sign_in_tries").fetchone() == (1,)


@given(st.text("aBcÄ@. ", max_size=250))
def test_spelling_a_name_differently_gives_no_more_tries(door: Door, name: str) -> None:
    door.connection.execute("delete from control.sign_in_tries")
    spellings = (name, name.upper().lower(), f"  {name.strip().lower()} ", f"{name.strip().lower()}\t")
    tries = [door.allows(spellings[number % 4], MINE) for number in range(PER_SOURCE + 1)]
    assert tries == [True] * PER_SOURCE + [False]


def test_names_that_differ_only_after_200_characters_share_their_tries(door: Door) -> None:
    tries = [door.allows("a" * 200 + str(number), MINE) for number in range(PER_SOURCE + 1)]
    assert tries[-1] is False


def test_what_was_entered_as_a_name_is_not_stored(door: Door) -> None:
    door.allows("canary-typed-in-the-wrong-field", MINE)
    assert "canary" not in str(door.connection.execute("select t::text from control.sign_in_tries t").fetchall())


def test_tries_at_a_throttled_account_still_count_for_the_address(door: Door) -> None:
    for _ in range(PER_ADDRESS):
        door.allows("ann", MINE)
    assert not door.allows("bob", MINE)
    assert door.allows("bob", STRANGERS)


def test_a_flood_does_not_fill_the_table(door: Door) -> None:
    for _ in range(PER_ADDRESS + 20):
        door.allows("ann", MINE)
    assert door.connection.execute("select count(*) from control.sign_in_tries").fetchone() == (PER_ADDRESS,)


def test_tries_without_a_known_account_count_for_the_address(door: Door) -> None:
    for _ in range(PER_ADDRESS - 1):
        assert door.allows_address(MINE)
    assert door.allows("ann", MINE)
    assert not door.allows_address(MINE)
    assert not door.allows("ann", MINE)
    assert door.allows_address(STRANGERS)


def test_a_right_password_clears_the_tries_before_it_and_no_strangers(door: Door) -> None:
    device = door.throttle.known_device("ann", None)
    door.exhaust("ann", STRANGERS)
    door.exhaust("bob", MINE)
    for _ in range(PER_SOURCE - 1):
        door.allows("ann", MINE)
        door.allows("ann", MINE, device)
    door.throttle.clear(door.connection, " ANN ", MINE, device)
    assert door.allows("ann", MINE)
    assert door.allows("ann", MINE, device)
    assert not door.allows("ann", STRANGERS)
    assert not door.allows("bob", MINE)
