"""defs/partitions.py: Dagster's tags for one tenant or a range of them."""

from __future__ import annotations

import dagster as dg
from hypothesis import given
from hypothesis import strategies as st

from st_pipeline.defs.in_flight import partitions_in_flight
from st_pipeline.defs.partitions import range_tags, tenants
from st_pipeline.tenants.fields import valid_key

KEYS = st.from_regex(r"[a-z][a-z0-9]{2,8}(-[a-z0-9]{1,4})?", fullmatch=True)


def test_one_tenant_has_the_tag_that_dagster_reads_as_its_partition() -> None:
    assert range_tags("acme", "acme") == {"dagster/partition": "acme"}
    run = dg.DagsterRun("sync_tenant", tags=range_tags("acme", "acme"))
    assert run.tags == {"dagster/partition": "acme"}


@given(st.lists(KEYS, min_size=1, max_size=6, unique=True), st.data())
def test_the_tags_of_a_range_mean_the_tenants_from_its_first_to_its_last(keys: list[str], data: st.DataObject) -> None:
    first = data.draw(st.integers(0, len(keys) - 1))
    last = data.draw(st.integers(first, len(keys) - 1))
    assert [valid_key(key) for key in keys] == keys
    with dg.DagsterInstance.ephemeral() as instance:
        instance.add_dynamic_partitions("tenants", keys)
        tags = range_tags(keys[first], keys[last])
        instance.add_run(dg.DagsterRun("sync_tenant", tags=tags, status=dg.DagsterRunStatus.STARTED))
        assert partitions_in_flight(instance) == set(keys[first : last + 1])


def test_the_partitions_have_the_name_that_runs_and_the_instance_look_them_up_by() -> None:
    with dg.DagsterInstance.ephemeral() as instance:
        instance.add_dynamic_partitions("tenants", ["acme", "bolt"])
        assert tenants.get_partition_keys(dynamic_partitions_store=instance) == ["acme", "bolt"]
