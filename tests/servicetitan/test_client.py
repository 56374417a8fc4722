from __future__ import annotations

import gzip
import logging
import threading
import traceback
from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from st_pipeline.servicetitan import progress
from st_pipeline.servicetitan.catalogue.lookup import endpoint
from st_pipeline.servicetitan.client import TOKEN_OPERATION, ServiceTitan
from st_pipeline.servicetitan.errors import (
    CredentialsRefused,
    CursorRefused,
    LoopDetected,
    Malformed,
    NotConnected,
    RequestWrong,
    ScopeMissing,
    ServiceTitanError,
    Unavailable,
    Unfinished,
)
from st_pipeline.servicetitan.limits import Limits
from st_pipeline.servicetitan.pacing import Lane
from st_pipeline.servicetitan.pages import Page
from st_pipeline.steps.step import Do, Step
from tests.support.waiting import PATIENCE_SECONDS

from .conftest import CANARY_APP_KEY, CANARY_SECRET, QUICK, Connect, Serve
from .scripted import Asked, Reply, reply, token_reply

CUSTOMERS = endpoint("crm_customers")
JOB_TYPES = endpoint("jpm_job_types")
PAYMENT_TYPES = endpoint("accounting_payment_types")
CANARY_TOKEN = "canary-access-token"


def export(records: list[object], token: str | None, more: bool) -> Reply:
    return reply({"hasMore": more, "continueFrom": token, "data": records})


def listed(records: list[object], more: bool, total: int | None = None) -> Reply:
    return reply({"page": 1, "pageSize": 50, "hasMore": more, "totalCount": total, "data": records})


def records(pages: list[Page]) -> list[bytes]:
    return [bytes(record) for page in pages for record in page.records]


def test_an_export_is_read_to_its_end_token_by_token(serve: Serve, connect: Connect) -> None:
    tokens = {None: ("a+b/c==", [1, 2]), "a+b/c==": ("&x=1?#", [3]), "&x=1?#": ("last%2B", [4])}

    def script(asked: Asked, n: int) -> Reply:
        token, data = tokens[asked.query.get("from")]
        return export(list(data), token, token != "last%2B")

    server = serve(script)
    pages = list(connect(server).pages(CUSTOMERS))
    assert records(pages) == [b"1", b"2", b"3", b"4"]
    assert [page.continue_from for page in pages] == ["a+b/c==", "&x=1?#", "last%2B"]
    assert [asked.query.get("from") for asked in server.calls] == [None, "a+b/c==", "&x=1?#"]
    assert {asked.path for asked in server.calls} == {"/crm/v2/tenant/1001/export/customers"}
    assert len(server.token_calls) == 1


def test_a_stored_cursor_continues_where_it_stopped(serve: Serve, connect: Connect) -> None:
    server = serve(lambda asked, n: export([], asked.query["from"], False))
    (page,) = connect(server).pages(CUSTOMERS, "stored+/=")
    assert server.calls[0].query == {"from": "stored+/="}
    assert (page.has_more, page.continue_from) == (False, "stored+/=")


def test_a_list_is_read_page_by_page_whatever_the_page_size(serve: Serve, connect: Connect) -> None:
    def script(asked: Asked, n: int) -> Reply:
        number = int(asked.query["page"])
        return listed([number * 10, number * 10 + 1], number < 3, 6 if asked.query["includeTotal"] == "true" else None)

    server = serve(script)
    pages = list(connect(server).pages(JOB_TYPES, "2026-01-01T00:00:00Z"))
    assert records(pages) == [b"10", b"11", b"20", b"21", b"30", b"31"]
    assert [page.total_count for page in pages] == [6, None, None]
    assert {asked.query["modifiedOnOrAfter"] for asked in server.calls} == {"2026-01-01T00:00:00Z"}
    assert {asked.query["active"] for asked in server.calls} == {"Any"}


def test_a_list_that_answers_a_bare_array_is_one_page(serve: Serve, connect: Connect) -> None:
    server = serve(lambda asked, n: reply([{"id": 1}, {"id": 2}]))
    (page,) = connect(server).pages(PAYMENT_TYPES)
    assert len(page.records) == 2


def test_envelopes_without_their_optional_members_are_understood(serve: Serve, connect: Connect) -> None:
    server = serve(lambda asked, n: reply({"data": [1], "hasMore": False}))
    (page,) = connect(server).pages(JOB_TYPES)
    assert (page.total_count, page.continue_from) == (None, None)


@settings(max_examples=15)
@given(st.lists(st.lists(st.integers(), max_size=3), min_size=1, max_size=5))
def test_every_record_of_every_page_arrives_once(serve: Serve, connect: Connect, pages: list[list[int]]) -> None:
    def script(asked: Asked, n: int) -> Reply:
        at = int(asked.query.get("from", 0))
        return export(list(pages[at]), str(at + 1), at + 1 < len(pages))

    assert records(list(connect(serve(script)).pages(CUSTOMERS))) == [str(r).encode() for page in pages for r in page]


def test_credentials_go_in_a_form_and_the_token_in_a_header(serve: Serve, connect: Connect) -> None:
    server = serve(lambda asked, n: export([], "t", False))
    list(connect(server).pages(CUSTOMERS))
    assert server.token_calls[0].form == {
        "grant_type": "client_credentials",
        "client_id": "cid.acme",
        "client_secret": CANARY_SECRET,
    }
    assert server.token_calls[0].headers["content-type"] == "application/x-www-form-urlencoded"
    assert "st-app-key" not in server.token_calls[0].headers
    assert server.calls[0].headers["authorization"] == "Bearer token-1"
    assert server.calls[0].headers["st-app-key"] == CANARY_APP_KEY


def test_a_refused_token_is_renewed_once_and_the_page_not_lost(serve: Serve, connect: Connect) -> None:
    def script(asked: Asked, n: int) -> Reply:
        good = asked.headers["authorization"] == "Bearer token-2"
        return export([1], "t", False) if good else reply({"title": "Unauthorized"}, 401)

    server = serve(script)
    assert records(list(connect(server).pages(CUSTOMERS))) == [b"1"]
    assert (len(server.token_calls), len(server.calls)) == (2, 2)


def test_a_token_that_expires_while_threads_wait_is_renewed_once_for_all(serve: Serve, connect: Connect) -> None:
    def script(asked: Asked, n: int) -> Reply:
        good = asked.headers["authorization"] != "Bearer token-1"
        return export([1], "t", False) if good else Reply(401, delay=0.1)

    server = serve(script)
    client = connect(server)
    found: list[bytes] = []
    threads = [threading.Thread(target=lambda: found.extend(records(list(client.pages(CUSTOMERS))))) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == [b"1"] * 6
    assert len(server.token_calls) == 2


def test_a_token_that_ran_out_during_a_wait_is_renewed_before_the_call(serve: Serve, connect: Connect) -> None:
    server = serve(lambda asked, n: reply({}, 429, Retry_After="0.3") if n == 1 else export([1], "t", False))
    server.tokens = lambda asked, n: token_reply(f"token-{n}", expires_in=0.2)
    assert records(list(connect(server).pages(CUSTOMERS))) == [b"1"]
    assert [asked.headers["authorization"] for asked in server.calls] == ["Bearer token-1", "Bearer token-2"]


def test_scopes_are_those_of_the_token_and_say_what_is_granted(serve: Serve, connect: Connect) -> None:
    client = connect(serve(lambda asked, n: reply({})))
    assert client.granted_scopes() == {"tn.crm.customers:r"}
    assert client.is_granted(CUSTOMERS)
    assert not client.is_granted(JOB_TYPES)


@pytest.mark.parametrize("scope", ["", None, []])
def test_without_listed_scopes_every_endpoint_may_be_tried(serve: Serve, connect: Connect, scope: object) -> None:
    server = serve(lambda asked, n: reply({}))
    server.tokens = lambda asked, n: token_reply(scope=scope)
    assert connect(server).is_granted(JOB_TYPES)


PASSING: dict[str, Reply] = {
    "429 with a header": reply({"title": "slow down"}, 429, Retry_After="0.05"),
    "429 with the wait in its title": reply({"title": "Rate limit is exceeded. Try again in 0.05 seconds."}, 429),
    "429 that names no wait": Reply(429),
    "500 in HTML": Reply(500, b"<html>Server Error</html>", {"Content-Type": "text/html"}),
    "503": Reply(503),
    "408": Reply(408),
    "cut off": Reply(200, b'{"hasMore":false,"data":[1,2', cut=20),
    "complete but half a JSON": Reply(200, b'{"hasMore":false,"data":[1,2'),
    "HTML with status 200": Reply(200, b"<html>login</html>"),
    "not UTF-8": Reply(200, b'{"hasMore":false,"data":["\xff"]}'),
    "empty": Reply(200, b""),
    "reset": Reply(reset=True),
}


@pytest.mark.parametrize("sent", PASSING.values(), ids=PASSING.keys())
def test_temporary_failures_are_retried_until_they_end(serve: Serve, connect: Connect, sent: Reply) -> None:
    server = serve(lambda asked, n: sent if n < 3 else export([1], "t", False))
    client = connect(server)
    assert records(list(client.pages(CUSTOMERS))) == [b"1"]
    assert len(server.calls) == 3
    assert sum(count.retries for count in client.calls.snapshot()) == 2


def test_the_token_endpoint_is_retried_too(serve: Serve, connect: Connect) -> None:
    server = serve(lambda asked, n: export([1], "t", False))
    server.tokens = lambda asked, n: [Reply(503), Reply(200, b"<html>"), token_reply()][n - 1]
    assert records(list(connect(server).pages(CUSTOMERS))) == [b"1"]


def test_every_caller_keeps_the_wait_in_a_429(serve: Serve, connect: Connect, monkeypatch: pytest.MonkeyPatch) -> None:
    held, hold = threading.Event(), Lane.hold

    def hold_and_say_so(lane: Lane, seconds: float) -> None:
        hold(lane, seconds)
        held.set()

    monkeypatch.setattr(Lane, "hold", hold_and_say_so)
    limit = {"title": "Rate limit is exceeded. Try again in 0.3 seconds."}
    server = serve(lambda asked, n: reply(limit, 429) if n == 1 else export([n], f"t{n}", False))
    client = connect(server)
    first = threading.Thread(target=lambda: list(client.pages(CUSTOMERS)))
    first.start()
    assert held.wait(PATIENCE_SECONDS)
    list(client.pages(CUSTOMERS))
    first.join()
    limited, *after = sorted(asked.at for asked in server.calls)
    assert all(at - limited >= 0.3 for at in after)


FAILURES: dict[str, tuple[Callable[[Asked, int], Reply], type[ServiceTitanError]]] = {
    "400": (lambda a, n: reply({"title": "Bad.", "errors": {"sort": ["not valid for Sort."]}}, 400), CursorRefused),
    "401 for ever": (lambda a, n: reply({"title": "Unauthorized"}, 401), CredentialsRefused),
    "401 app key": (
        lambda a, n: reply({"title": "Application key not present, check ST-App-Key header value."}, 401),
        CredentialsRefused,
    ),
    "403": (lambda a, n: reply({"title": "Scope validation failed."}, 403), ScopeMissing),
    "404": (lambda a, n: reply({"title": "Unable to match incoming request to an operation."}, 404), RequestWrong),
    "409": (lambda a, n: reply({"title": "Customer ID = 1 is not active"}, 409), RequestWrong),
    "503 for ever": (lambda a, n: Reply(503, b"<html>"), Unavailable),
    "reset for ever": (lambda a, n: Reply(reset=True), Unavailable),
    "cut for ever": (lambda a, n: Reply(200, b'{"data":[1,2,3]}', cut=9), Unavailable),
    "429 for ever": (lambda a, n: reply({"title": "Try again in 9 seconds."}, 429), Unavailable),
    "malformed for ever": (lambda a, n: reply({"items": []}), Malformed),
    "the same token for ever": (lambda a, n: export([n], "same", True), LoopDetected),
    "echo of the request": (
        lambda a, n: reply(
            {"title": f"{a.headers}", "traceId": a.headers["st-app-key"], "errors": {"h": [str(a)]}}, 400
        ),
        CursorRefused,
    ),
}


@pytest.mark.parametrize(("script", "kind"), FAILURES.values(), ids=FAILURES.keys())
def test_each_failure_raises_an_error_that_says_what_to_do_and_shows_no_secret(
    serve: Serve,
    connect: Connect,
    caplog: pytest.LogCaptureFixture,
    script: Callable[[Asked, int], Reply],
    kind: type[ServiceTitanError],
) -> None:
    caplog.set_level(logging.DEBUG)
    server = serve(script)
    server.tokens = lambda asked, n: token_reply(CANARY_TOKEN)
    client = connect(server)
    with pytest.raises(ServiceTitanError) as caught:
        list(client.pages(CUSTOMERS, "stored-cursor"))
    error = caught.value
    assert type(error) is kind
    assert (error.tenant, error.entity) == ("acme", "crm_customers")
    assert str(error).startswith("acme/crm_customers: GET /crm/v2/tenant/{tenant}/export/customers")
    assert error.__cause__ is None
    assert error.__context__ is None
    written = [
        "".join(traceback.format_exception(error)),
        caplog.text,
        repr(error),
        repr(error.args),
        repr(vars(error)),
        repr(client),
        repr(client.calls.snapshot()),
        *(asked.raw_query for asked in server.calls),
    ]
    for secret in (CANARY_SECRET, CANARY_APP_KEY, CANARY_TOKEN):
        assert not any(secret in text for text in written)


@pytest.mark.parametrize("status", [400, 403, 404, 409])
def test_permanent_failures_are_not_retried(serve: Serve, connect: Connect, status: int) -> None:
    server = serve(lambda asked, n: reply({"title": "no"}, status))
    with pytest.raises(ServiceTitanError):
        list(connect(server).pages(CUSTOMERS))
    assert len(server.calls) == 1


def test_without_a_cursor_a_400_is_about_the_request(serve: Serve, connect: Connect) -> None:
    server = serve(lambda asked, n: reply({"title": "no"}, 400))
    with pytest.raises(RequestWrong) as caught:
        list(connect(server).pages(CUSTOMERS))
    assert type(caught.value) is RequestWrong
    with pytest.raises(RequestWrong) as caught:
        list(connect(server).pages(JOB_TYPES, "2026-01-01"))
    assert type(caught.value) is RequestWrong


def test_a_wrong_app_key_does_not_cause_new_tokens(serve: Serve, connect: Connect) -> None:
    server = serve(lambda asked, n: reply({"title": "Application key not present, check"}, 401))
    with pytest.raises(CredentialsRefused, match="its own app key"):
        list(connect(server).pages(CUSTOMERS))
    assert (len(server.calls), len(server.token_calls)) == (1, 1)


REFUSED_TOKENS: dict[str, tuple[Callable[[Asked, int], Reply], type[ServiceTitanError]]] = {
    "invalid client": (lambda a, n: reply({"error": "invalid_client"}, 400), NotConnected),
    "bad request": (lambda a, n: reply({"error": "invalid_request", "title": str(a.form)}, 400), CredentialsRefused),
    "down": (lambda a, n: Reply(500, b"<html>"), Unavailable),
    "no token in it": (lambda a, n: reply({"access_token": "", "echo": a.form}), Malformed),
}


@pytest.mark.parametrize(("tokens", "kind"), REFUSED_TOKENS.values(), ids=REFUSED_TOKENS.keys())
def test_a_refused_token_request_says_why_and_shows_no_secret(
    serve: Serve,
    connect: Connect,
    caplog: pytest.LogCaptureFixture,
    tokens: Callable[[Asked, int], Reply],
    kind: type[ServiceTitanError],
) -> None:
    caplog.set_level(logging.DEBUG)
    server = serve(lambda asked, n: export([], "t", False))
    server.tokens = tokens
    client = connect(server)
    for ask in (client.granted_scopes, lambda: list(client.pages(CUSTOMERS))):
        with pytest.raises(ServiceTitanError) as caught:
            ask()
        assert type(caught.value) is kind
        assert (caught.value.tenant, caught.value.entity) == ("acme", None)
        text = "".join(traceback.format_exception(caught.value)) + caplog.text + repr(vars(caught.value))
        assert CANARY_SECRET not in text
        assert CANARY_APP_KEY not in text
    assert not server.calls


def test_a_response_above_its_limit_is_malformed_and_not_requested_again(serve: Serve, connect: Connect) -> None:
    server = serve(lambda asked, n: Reply(200, gzip.compress(bytes(3_000_000)), {"Content-Encoding": "gzip"}))
    client = connect(server, limits=Limits(body_bytes=1_000_000))
    with pytest.raises(Malformed, match="larger than 977 KB, the limit for one response: 3 KB unpacked") as caught:
        list(client.pages(CUSTOMERS))
    assert (caught.value.tenant, caught.value.entity, caught.value.status) == ("acme", "crm_customers", 200)
    assert len(server.calls) == 1


def test_a_page_with_too_many_records_is_malformed_and_not_requested_again(serve: Serve, connect: Connect) -> None:
    server = serve(lambda asked, n: export([1] * 100_001, "t", True))
    with pytest.raises(Malformed, match="the page has 100,001 records, and the limit is 100,000"):
        list(connect(server).pages(CUSTOMERS))
    assert len(server.calls) == 1


def test_a_token_response_above_its_limit_is_malformed_and_not_requested_again(serve: Serve, connect: Connect) -> None:
    server = serve(lambda asked, n: export([], "t", False))
    server.tokens = lambda asked, n: token_reply(echo="x" * 2_000_000)
    with pytest.raises(Malformed, match="POST /connect/token: the response has 2 MB, and the limit is 1 MB"):
        connect(server).granted_scopes()
    assert len(server.token_calls) == 1


def test_an_unreachable_host_is_unavailable_and_says_how_long_it_was_tried(connect: Connect) -> None:
    with pytest.raises(Unavailable, match="4 tries") as caught:
        connect("http://127.0.0.1:9").granted_scopes()
    assert caught.value.tries == 4


HTML = b"<html>Access denied by policy</html>"
FOREIGN: dict[str, Reply] = {
    "401 in HTML": Reply(401, HTML, {"Content-Type": "text/html"}),
    "403 in HTML": Reply(403, HTML, {"Content-Type": "text/html"}),
    "403 in HTML that claims to be JSON": Reply(403, HTML, {"Content-Type": "application/json"}),
    "403 in JSON that claims to be text": Reply(
        403, b'{"title":"Forbidden","error":"invalid_client"}', {"Content-Type": "text/plain"}
    ),
    "403 in JSON of another gateway": reply({"message": "Forbidden", "error": "blocked"}, 403),
    "401 without a body": Reply(401),
    "400 in HTML": Reply(400, HTML, {"Content-Type": "text/html"}),
    "404 in HTML": Reply(404, HTML, {"Content-Type": "text/html"}),
    "407": Reply(407, HTML, {"Content-Type": "text/html"}),
    "511": Reply(511, HTML, {"Content-Type": "text/html"}),
    "a redirect": Reply(302, b"", {"Location": "http://127.0.0.1:9/"}),
    "a captive portal": Reply(200, HTML, {"Content-Type": "text/html"}),
    "no content": Reply(204),
}


@pytest.mark.parametrize("sent", FOREIGN.values(), ids=FOREIGN.keys())
def test_what_a_firewall_says_about_a_token_refuses_no_credentials(serve: Serve, connect: Connect, sent: Reply) -> None:
    server = serve(lambda asked, n: export([1], "t", False))
    server.tokens = lambda asked, n: sent
    client = connect(server)
    with pytest.raises(Unavailable) as caught:
        client.granted_scopes()
    assert len(server.token_calls) == QUICK.tries
    assert sent.status == 511 or caught.value.steps == (Step(Do.CHECK_FIREWALL),)
    server.tokens = lambda asked, n: token_reply()
    assert records(list(client.pages(CUSTOMERS))) == [b"1"]


@pytest.mark.parametrize("sent", FOREIGN.values(), ids=FOREIGN.keys())
def test_what_a_firewall_says_about_a_page_refuses_neither_scope_nor_cursor(
    serve: Serve, connect: Connect, sent: Reply
) -> None:
    server = serve(lambda asked, n: sent)
    client = connect(server)
    with pytest.raises(Unavailable) as caught:
        list(client.pages(CUSTOMERS, "stored-cursor"))
    assert caught.value.entity == "crm_customers"
    assert sent.status == 511 or caught.value.steps == (Step(Do.CHECK_FIREWALL),)
    assert {asked.query["from"] for asked in server.calls} == {"stored-cursor"}


def test_a_firewalls_401_costs_no_new_tokens(serve: Serve, connect: Connect) -> None:
    server = serve(lambda asked, n: Reply(401, HTML, {"Content-Type": "text/html"}))
    with pytest.raises(Unavailable):
        list(connect(server).pages(CUSTOMERS))
    assert len(server.token_calls) == 1


def test_the_gateways_404_is_the_apis_own(serve: Serve, connect: Connect) -> None:
    server = serve(lambda asked, n: reply({"statusCode": 404, "message": "Unable to match incoming request"}, 404))
    with pytest.raises(RequestWrong, match="Unable to match"):
        list(connect(server).pages(CUSTOMERS))


def test_a_token_that_repeats_once_loses_nothing(serve: Serve, connect: Connect) -> None:
    def script(asked: Asked, n: int) -> Reply:
        cursor = asked.query.get("from", "0")
        return (
            export([int(cursor)], cursor, True) if n == 2 else export([int(cursor)], f"{int(cursor) + 1}", cursor < "3")
        )

    server = serve(script)
    assert records(list(connect(server).pages(CUSTOMERS, "0"))) == [b"0", b"1", b"2", b"3"]


def test_a_token_that_repeats_is_a_loop_after_two_more_tries(serve: Serve, connect: Connect) -> None:
    following = {None: "a", "a": "b", "b": "a"}
    server = serve(lambda asked, n: export([n], following[asked.query.get("from")], True))
    got: list[bytes] = []
    with pytest.raises(LoopDetected, match="twice"):
        for page in connect(server).pages(CUSTOMERS):
            got += records([page])
    assert got == [b"1", b"2"]
    assert len(server.calls) == 5


def empty_pages(asked: Asked, n: int) -> Reply:
    return export([], str(int(asked.query.get("from", 0)) + 1), True)


def test_a_hundred_and_fifty_empty_pages_with_new_tokens_are_read_through(serve: Serve, connect: Connect) -> None:
    server = serve(lambda asked, n: empty_pages(asked, n) if n <= 150 else export([n], "end", False))
    pages = list(connect(server).pages(CUSTOMERS))
    assert (len(pages), records(pages)) == (151, [b"151"])


def test_endless_empty_pages_end_at_a_limit_and_the_next_read_continues_there(
    serve: Serve, connect: Connect, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(progress, "EMPTY_IN_A_ROW", 5)
    client = connect(serve(empty_pages))
    cursor = None
    for last in ("5", "10"):
        with pytest.raises(Unfinished, match=r"5 empty pages in a row.* The next sync continues from there"):
            for page in client.pages(CUSTOMERS, cursor):
                cursor = page.continue_from
        assert cursor == last


@pytest.mark.parametrize("data", [[], [1, 2]], ids=["empty pages", "the same page"])
def test_a_list_that_never_ends_is_a_loop(serve: Serve, connect: Connect, data: list[object]) -> None:
    server = serve(lambda asked, n: listed(list(data), True))
    with pytest.raises(LoopDetected, match="jpm_job_types"):
        list(connect(server).pages(JOB_TYPES))
    assert len(server.calls) <= 4


def test_a_wrong_parameter_is_refused_before_any_call(serve: Serve, connect: Connect) -> None:
    server = serve(lambda asked, n: reply({}))
    client = connect(server)
    with pytest.raises(ValueError, match="modifiedSince"):
        client.pages(JOB_TYPES, given={"modifiedSince": "x"})
    with pytest.raises(ValueError, match="takes no cursor"):
        client.pages(PAYMENT_TYPES, "2026-01-01")
    assert not server.calls
    assert not server.token_calls


def test_every_call_is_counted_without_ids_or_cursors(serve: Serve, connect: Connect) -> None:
    server = serve(lambda asked, n: export([1], f"secret-cursor-{n}", n < 3))
    client = connect(server)
    list(client.pages(CUSTOMERS))
    counts = client.calls.snapshot()
    assert [(count.operation, count.status, count.calls) for count in counts] == [
        (CUSTOMERS.operation, 200, 3),
        (TOKEN_OPERATION, 200, 1),
    ]


def test_one_client_serves_many_threads_within_the_pace(
    serve: Serve, connect: Connect, monkeypatch: pytest.MonkeyPatch
) -> None:
    slots, wait = [], Lane.wait
    monkeypatch.setattr(Lane, "wait", lambda lane, until: slots.append(wait(lane, until)) or 0.0)
    server = serve(lambda asked, n: export([n], f"t{n}", n < 90))
    client: ServiceTitan = connect(server)
    threads = [threading.Thread(target=lambda: list(client.pages(CUSTOMERS))) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(server.calls) >= 90
    assert len(slots) == len(server.calls) + len(server.token_calls)
    assert len({asked.connection for asked in server.calls}) <= 8
    assert len(server.token_calls) == 1
