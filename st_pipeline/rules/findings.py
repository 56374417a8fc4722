"""A finding: one current problem of a tenant, or of something all tenants share, and what to do about it.

all_rules.py runs all the rules. incidents.py decides whether a finding is new.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from st_pipeline.steps.step import Steps

ALL_TENANTS = ""
"""The tenant of a problem that all tenants share. A tenant's own key is never empty."""
LONGEST_TEXT = 600  # of ``what``: an error may list every entity of a tenant


class Severity(StrEnum):
    """Whether to notify people at night."""

    NOW = "now"
    CAN_WAIT = "can_wait"


@dataclass(frozen=True, slots=True)
class Finding:
    """One problem. Two findings with the same key are the same problem, however they are worded."""

    rule: str
    tenant: str
    """Its key; ALL_TENANTS if the problem is not a single tenant's."""
    severity: Severity
    what: str
    """A sentence for people. It never has secrets, because the rows it comes from have none."""
    since: datetime
    """When the problem began, as far as the rows show; timezone-aware."""
    steps: Steps
    """What to do, in order."""
    entity: str | None = None
    subject: str | None = None
    """What the problem is about, if not the entity."""
    run_id: str | None = None
    """The Dagster run to look at, if any."""
    is_consequence: bool = False
    """It follows from another finding, so no separate alert is sent."""
    check: str | None = None
    """The asset check that shows it, if it is not the usual one of its rule."""
    entities: tuple[str, ...] = ()
    """Every entity it is about, if there are several."""

    @property
    def concerned(self) -> tuple[str, ...]:
        """The entities it is about; none if it concerns the whole tenant."""
        return self.entities or ((self.entity,) if self.entity else ())

    @property
    def key(self) -> str:
        """Stable for the same problem across evaluations."""
        about = self.entity if self.subject is None else self.subject
        return "|".join((self.rule, self.tenant, about or ""))


def shorten(text: str) -> str:
    """``text`` on one line, truncated to the length of an alert."""
    line = " ".join(text.split())
    return line if len(line) <= LONGEST_TEXT else f"{line[: LONGEST_TEXT - 1]}…"


def format_count(number: int, noun: str) -> str:
    """``1 call``, ``1,200 calls``, ``5 companies``."""
    if number == 1:
        return f"{number:,} {noun}"
    return f"{number:,} {noun[:-1]}ies" if noun.endswith("ny") else f"{number:,} {noun}s"


def is_or_are(number: int) -> str:
    """``is`` for 1, otherwise ``are``."""
    return "is" if number == 1 else "are"
