"""secret.py: a Secret never shows its value."""

from __future__ import annotations

import json
import pickle
import traceback

import pytest

from st_pipeline.secret import Secret

CANARY = "cs1.canary-that-nobody-may-see"


def test_no_text_of_a_secret_shows_its_value() -> None:
    secret = Secret(CANARY)
    for text in (repr(secret), str(secret), f"{secret}", f"{secret:>20}", repr([secret]), repr({"key": secret})):
        assert CANARY not in text


def test_reveal_returns_the_value() -> None:
    assert Secret(CANARY).reveal() == CANARY


def test_a_secret_refuses_to_be_pickled_or_dumped_as_json() -> None:
    with pytest.raises(TypeError):
        pickle.dumps(Secret(CANARY))
    with pytest.raises(TypeError):
        json.dumps({"secret": Secret(CANARY)})


def test_a_traceback_through_a_secret_does_not_show_it() -> None:
    secret = Secret(CANARY)
    try:
        int(secret)  # type: ignore[call-overload]
    except TypeError as error:
        assert CANARY not in "".join(traceback.format_exception(error))


def test_equal_secrets_are_equal_and_an_empty_one_is_false() -> None:
    assert Secret("a") == Secret("a")
    assert Secret("a") != Secret("b")
    assert len({Secret("a"), Secret("a")}) == 1
    assert not Secret("")
