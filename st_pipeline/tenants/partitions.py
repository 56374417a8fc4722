"""Which partitions to add and delete so that they match the registry. Pure; independent of the orchestrator."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass

from st_pipeline.tenants.model import Tenant


@dataclass(frozen=True, slots=True)
class Changes:
    """Partition keys to add and to delete, each sorted."""

    add: tuple[str, ...]
    delete: tuple[str, ...]

    def __bool__(self) -> bool:
        return bool(self.add or self.delete)


def select_partitions(tenants: Iterable[Tenant]) -> frozenset[str]:
    """The keys that should be partitions: every tenant in the registry, including disabled ones.

    A disabled tenant keeps its partition, which has its history; whether it runs is decided where runs are created.
    Only removing a tenant from the registry removes its partition.
    """
    return frozenset(tenant.key for tenant in tenants)


def partition_changes(wanted: Collection[str], existing: Collection[str], in_flight: Collection[str]) -> Changes:
    """The changes that turn ``existing`` into ``wanted``, without deleting ``in_flight`` partitions.

    In-flight partitions have a run that is queued or running, which would fail at its end. They are deleted after it.
    """
    return Changes(
        add=tuple(sorted(set(wanted) - set(existing))),
        delete=tuple(sorted(set(existing) - set(wanted) - set(in_flight))),
    )
