"""The vault's keys in a file."""

from __future__ import annotations

import logging
import subprocess
import sys
from pathlib import Path

import pytest

from st_pipeline.tenants import key_file
from st_pipeline.tenants.errors import VaultKeyInvalid


def test_a_first_use_makes_a_key_for_nobody_else_and_says_so(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    home = tmp_path / "new" / "home"
    with caplog.at_level(logging.WARNING):
        keys = key_file.read_or_create(home)
    file = key_file.path(home)
    assert len(keys) == 1
    assert file.stat().st_mode & 0o777 == 0o600
    assert [p.name for p in home.iterdir()] == ["secret.key"]
    assert str(file) in caplog.text
    assert keys[0].reveal() not in caplog.text


def test_later_uses_read_the_same_key_in_silence(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    first = key_file.read_or_create(tmp_path)
    caplog.clear()
    assert key_file.read_or_create(tmp_path) == first
    assert caplog.text == ""


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o660, 0o666, 0o610])
def test_a_file_that_others_may_open_is_refused_with_what_to_do(tmp_path: Path, mode: int) -> None:
    key_file.read_or_create(tmp_path)
    file = key_file.path(tmp_path)
    file.chmod(mode)
    with pytest.raises(VaultKeyInvalid, match=f"chmod 600 {file}"):
        key_file.read_or_create(tmp_path)


def test_an_empty_file_is_refused_and_not_replaced(tmp_path: Path) -> None:
    file = key_file.path(tmp_path)
    file.touch(mode=0o600)
    with pytest.raises(VaultKeyInvalid, match="empty"):
        key_file.read_or_create(tmp_path)
    assert file.read_text() == ""


@pytest.mark.parametrize("content", [b"\xff\xfe\x00canary", "canary".encode("utf-16")])
def test_a_file_that_is_no_text_is_refused(tmp_path: Path, content: bytes) -> None:
    file = key_file.path(tmp_path)
    file.touch(mode=0o600)
    file.write_bytes(content)
    with pytest.raises(VaultKeyInvalid, match="not a text file") as refused:
        key_file.read_or_create(tmp_path)
    assert "canary" not in str(refused.value)


def test_a_folder_in_its_place_is_refused(tmp_path: Path) -> None:
    key_file.path(tmp_path).mkdir(mode=0o700)
    with pytest.raises(VaultKeyInvalid, match="cannot be read"):
        key_file.read_or_create(tmp_path)


def test_a_new_key_goes_on_top_and_the_old_ones_stay(tmp_path: Path) -> None:
    old = key_file.read_or_create(tmp_path)
    keys = key_file.add_newest(tmp_path)
    assert keys[1:] == old
    assert keys[0] not in old
    assert key_file.read_or_create(tmp_path) == keys
    assert key_file.path(tmp_path).stat().st_mode & 0o777 == 0o600
    assert [p.name for p in tmp_path.iterdir()] == ["secret.key"]


def test_processes_that_start_at_once_agree_on_one_key(tmp_path: Path) -> None:
    code = (
        "import sys, hashlib; from pathlib import Path; from st_pipeline.tenants import key_file\n"
        "sys.stdin.read()\n"
        "keys = key_file.read_or_create(Path(sys.argv[1]))\n"
        "print(hashlib.sha256(keys[0].reveal().encode()).hexdigest())"
    )
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", code, str(tmp_path)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        for _ in range(4)
    ]
    for process in processes:  # all are waiting for the end of their input by now, or soon
        assert process.stdin
        process.stdin.close()
    outputs = []
    for process in processes:
        assert process.stdout
        outputs.append(process.stdout.read())
        process.stdout.close()
        assert process.wait() == 0
    assert len(set(outputs)) == 1
    assert len(outputs[0].strip()) == 64


def test_the_byte_order_mark_that_an_editor_added_is_no_part_of_the_key(tmp_path: Path) -> None:
    keys = key_file.read_or_create(tmp_path)
    file = key_file.path(tmp_path)
    file.write_bytes(b"\xef\xbb\xbf" + file.read_bytes())
    assert key_file.read_or_create(tmp_path) == keys
