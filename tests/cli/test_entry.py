"""What people enter and nobody else should see."""

from __future__ import annotations

import traceback
from pathlib import Path

import pytest

from st_pipeline.cli import entry
from st_pipeline.cli.errors import CommandRefused
from st_pipeline.secret import Secret


def test_a_secret_is_the_text_of_its_file_without_byte_order_mark_and_white_space(tmp_path: Path) -> None:
    file = tmp_path / "secret"
    file.write_bytes(b"\xef\xbb\xbf cs1.abc \r\n")
    assert entry.secret_from(str(file)) == Secret("cs1.abc")


def test_a_file_in_another_encoding_is_refused_without_showing_it(tmp_path: Path) -> None:
    file = tmp_path / "secret"
    file.write_bytes("cs1.canary".encode("utf-16"))
    with pytest.raises(CommandRefused, match="UTF-8") as refused:
        entry.secret_from(str(file))
    assert "canary" not in "".join(traceback.format_exception(refused.value))
    assert refused.value.__context__ is None


@pytest.mark.parametrize("name", ["missing", "."])
def test_what_cannot_be_read_is_named(tmp_path: Path, name: str) -> None:
    with pytest.raises(CommandRefused, match=f"cannot read {tmp_path}"):
        entry.text_from(str(tmp_path / name))


def test_standard_input_may_be_named_once() -> None:
    entry.refuse_two_readers("-", None, "file")
    with pytest.raises(CommandRefused, match="only one option can read standard input"):
        entry.refuse_two_readers("-", "-")
