"""The scripted server does what the client's tests rely on."""

from __future__ import annotations

import http.client

import pytest
import requests

from .conftest import Serve
from .scripted import Reply, reply, token_reply


def test_it_returns_what_the_script_says_and_records_requests(serve: Serve) -> None:
    server = serve(lambda asked, n: reply({"n": n, "path": asked.path}, 201, X_Test="yes"))
    answer = requests.get(f"{server.url}/a/b", params={"from": "x+/="}, headers={"Z": "1"}, timeout=60)
    assert (answer.status_code, answer.json(), answer.headers["X-Test"]) == (201, {"n": 1, "path": "/a/b"}, "yes")
    asked = server.calls[0]
    assert (asked.method, asked.query, asked.raw_query) == ("GET", {"from": "x+/="}, "from=x%2B%2F%3D")
    assert asked.headers["z"] == "1"


def test_token_requests_are_counted_apart_and_their_forms_read(serve: Serve) -> None:
    server = serve(lambda asked, n: reply({}))
    assert requests.post(f"{server.url}/connect/token", data={"a": "b"}, timeout=60).json()["access_token"] == "token-1"
    server.tokens = lambda asked, n: token_reply("other")
    assert requests.post(f"{server.url}/connect/token", data={"a": "b"}, timeout=60).json()["access_token"] == "other"
    assert not server.calls
    assert [asked.form for asked in server.token_calls] == [{"a": "b"}, {"a": "b"}]


def test_a_cut_body_is_shorter_than_its_length_says(serve: Serve) -> None:
    server = serve(lambda asked, n: Reply(body=b"0123456789", cut=4))
    connection = http.client.HTTPConnection(server.url.removeprefix("http://"), timeout=60)
    connection.request("GET", "/")
    with pytest.raises(http.client.IncompleteRead) as caught:
        connection.getresponse().read()
    assert caught.value.partial == b"0123"
    connection.close()


def test_a_reset_gives_no_answer(serve: Serve) -> None:
    server = serve(lambda asked, n: Reply(reset=True))
    with pytest.raises(requests.ConnectionError):
        requests.get(server.url, timeout=60)


def test_a_raw_reply_is_all_that_is_sent(serve: Serve) -> None:
    server = serve(lambda asked, n: Reply(raw=lambda: iter([b"HTTP/1.1 299 Odd\r\n", b"X-Test: yes\r\n\r\n", b"body"])))
    answer = requests.get(server.url, timeout=60)
    assert (answer.status_code, dict(answer.headers), answer.text) == (299, {"X-Test": "yes"}, "body")
