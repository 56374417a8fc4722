"""secret_file.py: a secret in a file that an editor saved."""

from __future__ import annotations

from pathlib import Path

import pytest

from st_pipeline import secret_file
from st_pipeline.secret_file import SecretFileError, find_fault


@pytest.mark.parametrize("content", [b"value", b"\n value \r\n", b"\xef\xbb\xbfvalue\r\n"])
def test_the_value_is_read_without_what_an_editor_adds(tmp_path: Path, content: bytes) -> None:
    file = tmp_path / "secret"
    file.write_bytes(content)
    assert secret_file.read(file) == "value"


@pytest.mark.parametrize("content", ["canary".encode("utf-16"), "canary".encode("utf-16-le"), b"canary\xff"])
def test_another_encoding_is_refused_without_repeating_the_file(tmp_path: Path, content: bytes) -> None:
    file = tmp_path / "secret"
    file.write_bytes(content)
    with pytest.raises(SecretFileError, match="not a text file in UTF-8; save it as UTF-8") as refused:
        secret_file.read(file)
    assert "canary" not in str(refused.value)
    assert refused.value.__context__ is None, "a decoding error contains what it read"


def test_a_file_that_is_missing_or_a_folder_says_so(tmp_path: Path) -> None:
    for file, reason in ((tmp_path / "none", "No such file"), (tmp_path, "Is a directory")):
        with pytest.raises(SecretFileError, match=reason):
            secret_file.read(file)


def test_faults_are_found_in_values_and_lists() -> None:
    assert find_fault("value", is_list=False) is None
    assert find_fault("one\ntwo", is_list=True) is None
    assert find_fault("one\ntwo", is_list=False) == "it has 2 lines; keep the one with the value"
    for is_list in (True, False):
        assert find_fault("“value”", is_list=is_list) == "it contains curly quotes; remove them"
