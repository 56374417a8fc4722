"""sandbox/answers.py: answers in the API's words."""

from __future__ import annotations

import gzip
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from starlette.requests import Request
from starlette.responses import Response

from st_pipeline.sandbox import answers


def asking(encoding: str | None = "gzip, deflate") -> Request:
    headers = [] if encoding is None else [(b"accept-encoding", encoding.encode())]
    return Request({"type": "http", "headers": headers})


def body(response: Response) -> dict[str, object]:
    return json.loads(bytes(response.body))


@given(st.dictionaries(st.text(max_size=5), st.integers(-(2**53), 2**53) | st.text(max_size=5) | st.none(), max_size=4))
def test_a_json_answer_is_the_content(content: dict[str, object]) -> None:
    answer = answers.json(content, 201, {"x-own": "kept"})
    assert body(answer) == content
    assert (answer.status_code, answer.headers["x-own"]) == (201, "kept")
    assert answer.headers["content-type"] == "application/json; charset=utf-8"


@pytest.mark.parametrize("status", [400, 403, 404, 409, 500])
def test_an_error_has_all_six_members_of_the_documents_envelope(status: int) -> None:
    answer = answers.problem(status, "No.", {"page": ["too far"]})
    said = body(answer)
    assert set(said) == {"type", "title", "status", "traceId", "errors", "data"}
    assert (said["status"], said["title"], said["errors"], said["data"]) == (status, "No.", {"page": ["too far"]}, {})
    assert str(said["type"]).startswith("https://tools.ietf.org/html/rfc7231#section-6.")
    assert answer.headers["content-type"].startswith("application/problem+json")


def test_every_error_has_a_trace_of_its_own() -> None:
    traces = [body(answers.problem(403, "No."))["traceId"] for _ in range(20)]
    assert len(set(traces)) == 20
    assert all(len(str(trace)) == 32 for trace in traces)


def test_bad_values_are_a_400_that_names_the_parameters() -> None:
    answer = answers.invalid({"pageSize": ["must be a number"]})
    assert answer.status_code == 400
    assert body(answer)["errors"] == {"pageSize": ["must be a number"]}


@pytest.mark.parametrize("with_header", [True, False])
def test_a_429_says_how_long_to_wait_always_in_words_and_sometimes_in_a_header(with_header: bool) -> None:
    answer = answers.too_many(7, with_header=with_header)
    assert answer.status_code == 429
    assert "Try again in 7 seconds" in str(body(answer)["title"])
    assert answer.headers.get("retry-after") == ("7" if with_header else None)


def test_the_gateways_404_is_no_envelope() -> None:
    answer = answers.unmatched()
    assert answer.status_code == 404
    assert body(answer) == {"statusCode": 404, "message": "Unable to match incoming request to an operation."}


@pytest.mark.parametrize("status", [500, 502, 503])
def test_a_broken_back_end_answers_with_html(status: int) -> None:
    answer = answers.broken(status)
    assert answer.status_code == status
    assert answer.headers["content-type"].startswith("text/html")
    assert f"<h1>{status} " in bytes(answer.body).decode()


def test_a_long_answer_is_compressed_for_those_who_take_it_and_is_the_same() -> None:
    plain = answers.json({"data": ["x"] * 1000})
    packed = answers.compressed(asking(), plain, allowed=True)
    assert len(packed.body) < len(plain.body)
    assert gzip.decompress(bytes(packed.body)) == bytes(plain.body)
    assert (packed.headers["content-encoding"], packed.headers["vary"]) == ("gzip", "Accept-Encoding")
    assert packed.headers["content-type"] == plain.headers["content-type"]
    assert packed.headers["content-length"] == str(len(packed.body))


def test_a_short_answer_or_one_for_a_client_that_takes_no_gzip_stays_as_it_is() -> None:
    long, short = answers.json({"data": ["x"] * 1000}), answers.json({})
    assert answers.compressed(asking(), short, allowed=True) is short
    assert answers.compressed(asking(), long, allowed=False) is long
    for encoding in (None, "", "deflate"):
        assert answers.compressed(asking(encoding), long, allowed=True) is long
