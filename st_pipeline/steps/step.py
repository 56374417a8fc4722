"""A step: one thing that a person can do next."""

from __future__ import annotations

from collections.abc import Iterable
from enum import StrEnum
from typing import Any

import msgspec


class Do(StrEnum):
    """What to do. Stored by value: a value never changes its meaning."""

    # Syncs and loads
    SYNC = "sync"
    FULL_REFRESH = "full_refresh"
    RELOAD = "reload"
    RELOAD_ALL_TENANTS = "reload_all_tenants"
    BUILD_REPORTS = "build_reports"
    VIEW_SYNCS = "view_syncs"
    CHECK_LAST_SYNC = "check_last_sync"
    CHECK_DAEMON = "check_daemon"
    CHECK_BUILDS = "check_builds"
    VIEW_RUN = "view_run"
    FIX_ERROR = "fix_error"
    FIX_SHARED_CAUSE = "fix_shared_cause"
    WAIT_FOR_RETRY = "wait_for_retry"
    ENABLE = "enable"

    # The connection to ServiceTitan
    TEST_CONNECTION = "test_connection"
    CONNECT_APP = "connect_app"
    ENTER_CREDENTIALS = "enter_credentials"
    CHECK_CREDENTIALS = "check_credentials"
    GENERATE_SECRET = "generate_secret"  # noqa: S105
    ENTER_SECRET = "enter_secret"  # noqa: S105
    REVOKE_NEWER_SECRET = "revoke_newer_secret"  # noqa: S105
    ENTER_APP_KEY = "enter_app_key"
    CHECK_TENANT_ID = "check_tenant_id"
    CORRECT_TENANT_ID = "correct_tenant_id"
    CHECK_APP_ALLOWED = "check_app_allowed"
    CHECK_ENVIRONMENT = "check_environment"
    GRANT_SCOPE = "grant_scope"
    RESTORE_VAULT_KEY = "restore_vault_key"
    CHECK_STATUS_PAGE = "check_status_page"
    CHECK_FIREWALL = "check_firewall"
    START_SANDBOX = "start_sandbox"
    FIND_OTHER_CALLER = "find_other_caller"
    SYNC_LESS_OFTEN = "sync_less_often"

    # The data
    VIEW_PROBLEM_RECORDS = "view_problem_records"
    CORRECT_RECORDS = "correct_records"
    CORRECT_TYPE = "correct_type"
    ADD_FIELDS = "add_fields"
    CHECK_FIELDS = "check_fields"
    CHECK_RECORDS_EXIST = "check_records_exist"
    COMPARE_COUNTS = "compare_counts"
    COMPARE_INVOICES = "compare_invoices"
    HOLD_REPORT = "hold_report"
    RENAME_COLUMN = "rename_column"
    REPORT_COUNTS = "report_counts"
    REPORT_LOST_ACCESS = "report_lost_access"
    REPORT_TRACE = "report_trace"

    # The installation
    CORRECT_TIME_ZONE = "correct_time_zone"
    OWN_LANDING_ZONE = "own_landing_zone"


class Step(msgspec.Struct, frozen=True, omit_defaults=True):
    """One step. ``about``: the entity of a sync, refresh or reload (None: all), a scope, a setting, or a URL."""

    do: Do
    about: str | None = None


Steps = tuple[Step, ...]


def to_json(steps: Iterable[Step]) -> str:
    """Steps as they are stored and sent: ``[{"do": "grant_scope", "about": "tn.crm.customers:r"}]``."""
    return msgspec.json.encode(list(steps)).decode()


def from_plain(steps: Any) -> Steps:
    """Steps from parsed JSON. Raises msgspec.ValidationError if they are invalid."""
    return msgspec.convert(steps or [], Steps)
