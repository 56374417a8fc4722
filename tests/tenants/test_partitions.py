"""From the registry to partitions."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from st_pipeline.secret import Secret
from st_pipeline.tenants.credentials import own_credentials
from st_pipeline.tenants.model import new_tenant
from st_pipeline.tenants.partitions import Changes, partition_changes, select_partitions
from st_pipeline.tenants.registry import Registry

KEYS = st.frozensets(st.sampled_from("abcdefgh"))


@given(wanted=KEYS, existing=KEYS, in_flight=KEYS)
def test_afterwards_there_is_what_is_wanted_and_what_still_runs(
    wanted: frozenset[str], existing: frozenset[str], in_flight: frozenset[str]
) -> None:
    changes = partition_changes(wanted, existing, in_flight)
    after = (existing | set(changes.add)) - set(changes.delete)
    assert after == wanted | (existing & in_flight)
    assert not set(changes.delete) & (in_flight | wanted)
    assert not set(changes.add) & existing


@given(wanted=KEYS, existing=KEYS)
def test_a_second_look_changes_nothing(wanted: frozenset[str], existing: frozenset[str]) -> None:
    changes = partition_changes(wanted, existing, frozenset())
    again = partition_changes(wanted, (existing | set(changes.add)) - set(changes.delete), frozenset())
    assert not again
    assert again == Changes((), ())


def test_a_partition_goes_at_the_first_look_after_its_run() -> None:
    assert not partition_changes([], ["acme"], ["acme"])
    assert partition_changes([], ["acme"], []) == Changes(add=(), delete=("acme",))


def test_a_disabled_tenant_keeps_its_partition_until_it_is_removed(registry: Registry) -> None:
    for key, tenant_id in (("acme", 1), ("bolt", 2)):
        tenant = new_tenant(key=key, tenant_id=tenant_id, environment="sandbox")
        registry.add(tenant, own_credentials("cid.x", Secret("cs1.x")))
    registry.disable("acme")
    assert select_partitions(registry.list()) == {"acme", "bolt"}
    registry.remove("acme")
    assert select_partitions(registry.list()) == {"bolt"}
