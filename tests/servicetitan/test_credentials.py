from __future__ import annotations

import pytest

from st_pipeline.secret import Secret
from st_pipeline.servicetitan.credentials import Credentials


def test_whitespace_from_pasting_is_removed() -> None:
    made = Credentials(" cid.1\n", Secret("cs1.x \r\n"), Secret("\tak1.y"))
    assert (made.client_id, made.client_secret.reveal(), made.app_key.reveal()) == ("cid.1", "cs1.x", "ak1.y")


@pytest.mark.parametrize("bad", ["", "  ", "a b", "a\nb", "schlüssel", "a\x00b"])
@pytest.mark.parametrize("part", ["client id", "client secret", "app key"])
def test_a_value_that_cannot_be_in_a_header_is_rejected_without_being_shown(part: str, bad: str) -> None:
    values = {"client id": "canary-id", "client secret": "canary-secret", "app key": "canary-key"} | {part: bad}
    with pytest.raises(ValueError, match=part) as caught:
        Credentials(values["client id"], Secret(values["client secret"]), Secret(values["app key"]))
    assert "canary" not in str(caught.value)
    assert not bad.strip() or bad not in str(caught.value)


def test_neither_repr_nor_str_shows_a_secret() -> None:
    made = Credentials("cid.1", Secret("canary-secret"), Secret("canary-key"), app_id="app")
    assert "canary" not in f"{made!r} {made}"
    assert "cid.1" in repr(made)
