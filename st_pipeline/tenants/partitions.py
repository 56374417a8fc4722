"""From the registry to the orchestrator's partitions: which to add, which to delete. Pure; knows no orchestrator."""

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
    """The keys that should be partitions: every tenant in the registry, the disabled ones too.

    A disabled tenant keeps its partition, as that carries its history; what doesn't run is decided where runs are made.
    It leaves the set only by being removed from the registry.
    """
    return frozenset(tenant.key for tenant in tenants)


def partition_changes(wanted: Collection[str], existing: Collection[str], in_flight: Collection[str]) -> Changes:
    """What makes ``existing`` into ``wanted``, but for partitions ``in_flight`` (with a run queued or under way).

    Those are never deleted: their run would fail at its end. They go at the next look, when the run is over.
    """
    return Changes(
        add=tuple(sorted(set(wanted) - set(existing))),
        delete=tuple(sorted(set(existing) - set(wanted) - set(in_flight))),
    )
