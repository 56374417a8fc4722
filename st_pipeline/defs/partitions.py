"""One tenant is one partition key. The registry says which there are (sensors.py)."""

import dagster as dg

tenants = dg.DynamicPartitionsDefinition(name="tenants")
