from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from st_pipeline.servicetitan.problems import Problem, parse_problem, redacted


def test_a_problem_details_body_is_read_whole() -> None:
    body = {
        "type": "uri",
        "title": "One or more validation errors occurred.",
        "status": 400,
        "traceId": "00-abc-01",
        "errors": {"sort": ["The value '-x' is not valid for Sort."], "ids": ["too many", "too long"]},
        "data": {},
    }
    problem = parse_problem(json.dumps(body).encode())
    assert problem.trace_id == "00-abc-01"
    assert problem.text == (
        "One or more validation errors occurred. — "
        "sort: The value '-x' is not valid for Sort.; ids: too many; ids: too long"
    )


def test_the_token_endpoints_error_is_its_code() -> None:
    problem = parse_problem(b'{"error":"invalid_client"}')
    assert (problem.code, problem.text) == ("invalid_client", "invalid_client")


@pytest.mark.parametrize("body", [b"", b"<html>503</html>", b"[1]", b"null", b"\xff\xfe", b'{"title":', b'"text"'])
def test_a_body_of_another_kind_says_nothing(body: bytes) -> None:
    assert parse_problem(body) == Problem()


@pytest.mark.parametrize(
    "body", [b'{"title":5,"traceId":{},"errors":[1]}', b'{"errors":{"a":{"b":1}}}', b'{"error":{}}']
)
def test_members_of_the_wrong_kind_do_no_harm(body: bytes) -> None:
    assert parse_problem(body).trace_id is None


@given(st.binary())
def test_no_body_raises_an_error(body: bytes) -> None:
    parse_problem(body)


def test_a_long_text_is_cut_and_kept_on_one_line() -> None:
    text = parse_problem(json.dumps({"title": "a\n\tb " * 500}).encode()).text
    assert len(text) == 500
    assert "\n" not in text


def test_control_characters_are_removed_everywhere() -> None:
    sent = {"title": "a\0b\x1b[2J", "traceId": "t\0", "errors": {"f\0": ["m\0"]}, "error": "c\0"}
    problem = parse_problem(json.dumps(sent).encode())
    assert problem == Problem("a b [2J", "t ", (("f ", "m "),), "c ")


def test_secrets_that_a_server_echoes_are_removed_everywhere() -> None:
    problem = Problem("bad canary", "trace-canary", (("canary", "is canary"),), "canary")
    clean = redacted(problem, ["canary"])
    assert "canary" not in repr(clean)
    assert clean.text == "bad *** — ***: is *** — ***"


def test_encoded_secrets_are_removed_even_where_a_trace_id_is_truncated() -> None:
    secret = "cs1.ca/na+ry=&"
    errors = ((secret, "cs1.ca/na%2Bry%3D%26"),)
    problem = Problem("client_secret=cs1.ca%2Fna%2Bry%3D%26&x=1", "t" * 95 + secret, errors)
    clean = redacted(problem, [secret])
    assert clean == Problem("client_secret=***&x=1", "t" * 95 + "***", (("***", "***"),))


@pytest.mark.parametrize(
    ("body", "status", "of_token_endpoint", "of_api"),
    [
        (b'{"error":"invalid_client"}', 400, True, False),
        (b'{"error":"blocked"}', 403, False, False),
        (b'{"title":"Forbidden","status":403}', 403, False, True),
        (b'{"message":"Forbidden"}', 403, False, False),
        (b'{"message":"Unable to match incoming request to an operation."}', 404, False, True),
        (b'{"errors":{"sort":["invalid"]}}', 400, False, True),
        (b'{"errors":{"sort":["invalid"]}}', 401, False, False),
        (b"<html>", 403, False, False),
        (b"", 404, False, False),
    ],
)
def test_only_errors_in_servicetitans_own_shape_are_its_own(
    body: bytes, status: int, of_token_endpoint: bool, of_api: bool
) -> None:
    problem = parse_problem(body)
    assert (problem.is_of_token_endpoint, problem.is_of_api(status)) == (of_token_endpoint, of_api)
