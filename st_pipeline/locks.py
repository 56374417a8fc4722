"""The number or name of every advisory lock in the warehouse, except a tenant's.

A sync holds the lock ``control.tenant_lock_key(tenant)``, a function of the database. The view ``control.held_locks``
shows which process holds which lock.
"""

from __future__ import annotations

from enum import IntEnum


class Lock(IntEnum):
    """Locks that exist once per warehouse."""

    MIGRATION = 7_350_001
    """Processes that start at the same time take turns migrating."""
    SCHEMA = 7_350_002
    """Processes that add columns to raw tables take turns."""
    BUILD = 7_350_003
    """One build of the reports at a time."""
    ALERT_ROUND = 7_350_004
    """One round of alerts at a time."""
    ROLL_UP = 7_350_005
    """One process rolls up the history at a time."""
    SIGN_IN = 7_350_006
    """Tries to sign in are counted one at a time."""
    FIRST_CHECK_SLOT = 7_350_100
    """This and the following numbers: slots for connection checks started in the portal."""


# The locks below have names; their keys are ``hashtextextended(name, 0)``.


def check_name(tenant: str) -> str:
    """Held while the portal checks this tenant's connection."""
    return f"st-pipeline check {tenant}"


def full_reads_name() -> str:
    """Held while the weekly full reads are requested."""
    return "st-pipeline weekly full reads"  # a tenant's key has no spaces


def request_name(tenant: str) -> str:
    """Held while a sync of this tenant is requested."""
    return f"st-pipeline request {tenant}"


def run_name(run_id: str) -> str:
    """Held by a run's process as long as it lives."""
    return f"st-pipeline run {run_id}"
