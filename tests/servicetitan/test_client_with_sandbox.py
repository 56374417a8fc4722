"""The client against the imitated API: everything it serves arrives, whatever goes wrong on the way."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest

from st_pipeline.sandbox import Account, Faults, Sandbox, Size
from st_pipeline.secret import Secret
from st_pipeline.servicetitan.catalogue.assets import ASSET_ENTITIES
from st_pipeline.servicetitan.catalogue.lookup import endpoint
from st_pipeline.servicetitan.client import ServiceTitan
from st_pipeline.servicetitan.credentials import Credentials
from st_pipeline.servicetitan.environments import hosts
from st_pipeline.servicetitan.errors import (
    CredentialsRefused,
    CursorRefused,
    NotConnected,
    RequestWrong,
    ScopeMissing,
)
from st_pipeline.servicetitan.retrying import RetryPolicy

from .conftest import Connect

SIZE = Size(customers=120, invoices=250)
ALL = Account(1001, "cid.all", "cs1.all", "ak1.app", size=SIZE)
SOME = Account(1002, "cid.some", "cs1.some", "ak1.app", size=SIZE, scopes={"tn.crm.customers:r"})
NONE = Account(1003, "cid.none", "cs1.none", "ak1.app", size=SIZE, connected=False)
PATIENT = RetryPolicy(first_wait=0.02, longest_wait=0.2)


@pytest.fixture
def sandbox() -> Iterator[Sandbox]:
    with Sandbox(accounts=(ALL, SOME, NONE), page_size=40) as sandbox:
        yield sandbox


def client(connect: Connect, sandbox: Sandbox, account: Account, **changed: object) -> ServiceTitan:
    keys = {
        "tenant": f"tenant-{account.tenant_id}",
        "tenant_id": account.tenant_id,
        "credentials": Credentials(account.client_id, Secret(account.client_secret), Secret(account.app_key)),
        "hosts": hosts("sandbox", sandbox.url),
        "retry": PATIENT,
    }
    return connect(sandbox.url, **keys | changed)


def fetched(client: ServiceTitan, entity: str, cursor: str | None = None) -> list[bytes]:
    return [bytes(record) for page in client.pages(endpoint(entity), cursor) for record in page.records]


def test_every_asset_arrives_complete_byte_for_byte_in_parallel(sandbox: Sandbox, connect: Connect) -> None:
    one = client(connect, sandbox, ALL)
    assert all(one.is_granted(endpoint(entity)) for entity in ASSET_ENTITIES)
    got: dict[str, list[bytes]] = {}

    def fetch(entity: str) -> None:
        got[entity] = fetched(one, entity)

    threads = [threading.Thread(target=fetch, args=(entity,)) for entity in ASSET_ENTITIES]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for entity in ASSET_ENTITIES:
        assert sorted(got[entity]) == sorted(sandbox.world(1001).served(entity)), entity
    assert sandbox.peak_rate(1001) <= 60
    assert {call.status for call in sandbox.calls} == {200}


def test_nothing_is_lost_with_every_fault_at_once(connect: Connect) -> None:
    faults = Faults(
        rate_429=0.05,
        rate_5xx=0.05,
        rate_truncated=0.05,
        rate_reset=0.05,
        rate_slow=0.05,
        slow_seconds=0.05,
        token_seconds=1.0,
        repeat_token=True,
        untypable=0.05,
        seed=3,
    )
    with Sandbox(accounts=(ALL,), page_size=10, faults=faults) as sandbox:
        one = client(connect, sandbox, ALL)
        for entity in ("crm_customers", "accounting_invoices", "jpm_job_types"):
            assert sorted(set(fetched(one, entity))) == sorted(set(sandbox.world(1001).served(entity))), entity
        assert sandbox.peak_rate(1001) <= 60
    assert sum(count.retries for count in one.calls.snapshot()) > 0


def test_a_second_sync_from_the_last_token_brings_what_changed_and_nothing_else(
    sandbox: Sandbox, connect: Connect
) -> None:
    one = client(connect, sandbox, ALL)
    *_, last = one.pages(endpoint("crm_customers"))
    assert fetched(one, "crm_customers", last.continue_from) == []
    changed = sandbox.change(1001, seed=1, edits=7, entities=["crm_customers"])
    sandbox.advance(16 * 60)
    assert len(fetched(one, "crm_customers", last.continue_from)) == 7, changed


def test_a_list_reads_from_the_instant_on_and_counts_its_total(sandbox: Sandbox, connect: Connect) -> None:
    one = client(connect, sandbox, ALL)
    (page,) = one.pages(endpoint("jpm_job_types"))
    assert page.total_count == len(page.records) > 0
    assert fetched(one, "jpm_job_types", "2999-01-01T00:00:00Z") == []


def test_a_tenant_that_is_not_connected_is_recognized_and_works_once_connected(
    sandbox: Sandbox, connect: Connect
) -> None:
    one = client(connect, sandbox, NONE)
    with pytest.raises(NotConnected, match="tenant-1003"):
        one.granted_scopes()
    sandbox.connect(1003)
    assert fetched(one, "crm_customers")


def test_a_missing_scope_is_known_before_the_call_and_named_after_it(sandbox: Sandbox, connect: Connect) -> None:
    one = client(connect, sandbox, SOME)
    assert one.is_granted(endpoint("crm_customer_contacts"))
    assert not one.is_granted(endpoint("jpm_jobs"))
    with pytest.raises(ScopeMissing, match=r"tn\.jpm\.jobs:r") as caught:
        fetched(one, "jpm_jobs")
    assert caught.value.scope == "tn.jpm.jobs:r"


def test_a_tenant_that_disconnects_meanwhile_is_an_error_and_not_skipped(sandbox: Sandbox, connect: Connect) -> None:
    one = client(connect, sandbox, ALL)
    one.granted_scopes()
    sandbox.connect(1001, connected=False)
    with pytest.raises(CredentialsRefused):
        fetched(one, "crm_customers")


def test_a_wrong_app_key_and_a_wrong_tenant_id_say_so(sandbox: Sandbox, connect: Connect) -> None:
    wrong = Credentials("cid.all", Secret("cs1.all"), Secret("ak1.other"))
    with pytest.raises(CredentialsRefused, match="its own app key"):
        fetched(client(connect, sandbox, ALL, credentials=wrong), "crm_customers")
    with pytest.raises(RequestWrong, match="tenant id 1002 is wrong"):
        fetched(client(connect, sandbox, ALL, tenant_id=1002), "crm_customers")


def test_a_token_of_another_feed_is_refused_as_a_cursor(sandbox: Sandbox, connect: Connect) -> None:
    one = client(connect, sandbox, ALL)
    *_, last = one.pages(endpoint("crm_customers"))
    with pytest.raises(CursorRefused):
        fetched(one, "jpm_jobs", last.continue_from)


def test_a_token_that_ends_in_the_middle_of_an_export_is_renewed(sandbox: Sandbox, connect: Connect) -> None:
    one = client(connect, sandbox, ALL)
    got: list[bytes] = []
    for page in one.pages(endpoint("accounting_invoices")):
        got += map(bytes, page.records)
        sandbox.advance(901)
    assert sorted(set(got)) == sorted(sandbox.world(1001).served("accounting_invoices"))
    assert sum(call.status == 401 for call in sandbox.calls) >= 3
