"""A past to write, emptied before each test, and a webhook to be told on."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime

import psycopg
import pytest

from st_pipeline.rules.all_rules import find_all
from st_pipeline.rules.findings import Finding
from st_pipeline.rules.tenant_freshness import compute_stale_at
from st_pipeline.rules.tenant_health import read_tenant_facts
from st_pipeline.rules.thresholds import Rules
from tests.support.past import NOW, Past
from tests.support.webhook import Webhook, webhook

Find = Callable[..., list[Finding]]


@pytest.fixture
def past(control: psycopg.Connection) -> Past:
    past = Past(control)
    past.forget()
    return past


@pytest.fixture
def find(control: psycopg.Connection) -> Find:
    """What all rules find in the past at a moment."""

    def find(now: datetime = NOW, rules: Rules | None = None) -> list[Finding]:
        rules = rules or Rules()
        return find_all(control, read_tenant_facts(control), rules, now, compute_stale_at(rules))

    return find


@pytest.fixture
def hook() -> Iterator[Webhook]:
    with webhook() as hook:
        yield hook
