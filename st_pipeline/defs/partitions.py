"""Each tenant is one partition key. The registry determines which keys exist (sensors.py)."""

import dagster as dg

tenants = dg.DynamicPartitionsDefinition(name="tenants")


def range_tags(first: str, last: str) -> dict[str, str]:
    """Dagster's tags for one partition or a range of partitions."""
    if first == last:
        return {"dagster/partition": first}
    return {"dagster/asset_partition_range_start": first, "dagster/asset_partition_range_end": last}
