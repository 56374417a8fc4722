"""One tenant is one partition key. The registry says which there are (sensors.py)."""

import dagster as dg

tenants = dg.DynamicPartitionsDefinition(name="tenants")


def range_tags(first: str, last: str) -> dict[str, str]:
    """Dagster's tags for a partition, or for all from one to another."""
    if first == last:
        return {"dagster/partition": first}
    return {"dagster/asset_partition_range_start": first, "dagster/asset_partition_range_end": last}
