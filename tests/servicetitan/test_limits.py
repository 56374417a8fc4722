from __future__ import annotations

import io

import pytest

from st_pipeline.servicetitan.limits import MEGABYTE, TooLarge, read_body, readable_size


class Sent:
    """A body as urllib3 reads it: ``received`` bytes from the network so far."""

    def __init__(self, body: bytes, received: int | None = None) -> None:
        self._file, self._received = io.BytesIO(body), received

    def read(self, amt: int, decode_content: bool) -> bytes:
        assert decode_content
        return self._file.read(amt)

    def tell(self) -> int:
        return self._file.tell() if self._received is None else self._received


@pytest.mark.parametrize("announced", [None, "5", "not a number", "9" * 30, "-1", "²"])
def test_a_body_up_to_the_limit_is_read_whatever_it_announces(announced: str | None) -> None:
    assert read_body(Sent(b"12345"), announced, 5) == b"12345"


def test_a_longer_body_names_the_limit() -> None:
    with pytest.raises(TooLarge, match=r"larger than 2 MB, the limit for one response$"):
        read_body(Sent(bytes(2 * MEGABYTE + 1)), None, 2 * MEGABYTE)


def test_a_packed_body_also_names_what_came() -> None:
    with pytest.raises(TooLarge, match="limit for one response: 40 KB unpacked to 3 MB and more"):
        read_body(Sent(bytes(9 * MEGABYTE), received=40 * 1024), None, 2 * MEGABYTE)


def test_a_body_that_announces_more_is_not_read() -> None:
    sent = Sent(bytes(10))
    with pytest.raises(TooLarge, match="the response has 3,072 MB, and the limit is 2 MB"):
        read_body(sent, str(3 * 1024**3), 2 * MEGABYTE)
    assert sent.tell() == 0


@pytest.mark.parametrize(("size", "text"), [(500, "0 KB"), (100_000, "98 KB"), (3 * 1024**3, "3,072 MB")])
def test_sizes_are_readable(size: int, text: str) -> None:
    assert readable_size(size) == text
