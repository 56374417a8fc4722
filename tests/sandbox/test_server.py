import datetime as dt
import os
import signal
import socket
import subprocess
import sys
import threading
import time

import pytest
import requests

from st_pipeline.sandbox import DEMO_ACCOUNTS, Account, Sandbox, Size
from tests.sandbox.caller import Caller
from tests.sandbox.conftest import ACCOUNT, NOW
from tests.support.waiting import PATIENCE_SECONDS

SERVE = "from st_pipeline.sandbox import serve; serve(port=0, announce=lambda url: print(url, flush=True))"


def test_the_server_ends_with_its_block_and_frees_its_port() -> None:
    before = set(threading.enumerate())
    with Sandbox([ACCOUNT], now=NOW) as sandbox:
        port = int(sandbox.url.rsplit(":", 1)[1])
        running = set(threading.enumerate()) - before
        assert [thread.name for thread in running] == ["sandbox"]
    assert not running & set(threading.enumerate())
    with Sandbox([ACCOUNT], now=NOW, port=port) as again:
        assert again.url.endswith(f":{port}")


def test_a_taken_port_is_an_error() -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        with pytest.raises(OSError, match="in use"), Sandbox([ACCOUNT], port=other.getsockname()[1]):
            pass


def test_the_real_clock_shows_the_whole_history() -> None:
    with Sandbox([ACCOUNT]) as sandbox:
        before = dt.datetime.now(dt.UTC)
        assert before <= sandbox.now <= dt.datetime.now(dt.UTC)
        assert sandbox.world(1001).count("crm_customers") == 120


def test_many_readers_at_once_all_get_everything(sandbox: Sandbox) -> None:
    results: list[int] = []

    def read() -> None:
        with Caller(sandbox, ACCOUNT) as caller:
            results.append(len(caller.authorize().exported("accounting_invoices")))

    threads = [threading.Thread(target=read) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert results == [150] * 6


def test_serve_runs_in_the_foreground_until_it_is_interrupted() -> None:
    environment = {"PATH": os.environ["PATH"], "PYTHONPATH": os.pathsep.join(sys.path)}
    process = subprocess.Popen([sys.executable, "-c", SERVE], stdout=subprocess.PIPE, text=True, env=environment)
    try:
        assert process.stdout is not None
        url = process.stdout.readline().strip()
        one = DEMO_ACCOUNTS[0]
        form = {
            "grant_type": "client_credentials",
            "client_id": one.client_id,
            "client_secret": one.client_secret,
        }
        deadline = time.monotonic() + PATIENCE_SECONDS
        while True:
            try:
                response = requests.post(f"{url}/connect/token", data=form, timeout=60)
                break
            except requests.ConnectionError:
                assert time.monotonic() < deadline
                time.sleep(0.05)
        assert response.status_code == 200
        process.send_signal(signal.SIGINT)
        process.wait(timeout=60)
    finally:
        process.kill()
        process.wait()
        if process.stdout is not None:
            process.stdout.close()


def test_a_sandbox_takes_any_number_of_small_tenants() -> None:
    size = Size(customers=3, invoices=3)
    accounts = [Account(n, f"cid.{n}", "s", "k", seed=n, size=size) for n in range(1, 101)]
    with Sandbox(accounts, now=NOW) as sandbox:
        assert all(sandbox.world(n).count("accounting_invoices") == 3 for n in range(1, 101))
