"""What a finding is: one thing that is wrong now, with one tenant or with what all share, with what to do about it.

The rules that find are in the modules beside, all of them together in watching.py. Whether a finding is news is decided
in incidents.py.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

ALL_TENANTS = ""
"""The tenant of what is wrong with none of them but with what they share; no key of a tenant is empty."""
LONGEST_TEXT = 600  # of what happened: an error may list every entity of a tenant


class Severity(StrEnum):
    """Whether somebody is to be told at night."""

    NOW = "now"
    CAN_WAIT = "can_wait"


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is wrong. Two findings of one key are the same trouble, however they are worded."""

    rule: str
    tenant: str
    """Its key; ALL_TENANTS where it is no single one's."""
    severity: Severity
    what: str
    """A sentence for people; never with a secret, as it is made of rows that hold none."""
    since: datetime
    """When the trouble began, as far as the rows say; aware."""
    advice: str
    """The next step."""
    entity: str | None = None
    subject: str | None = None
    """What the trouble is about, where that is not the entity."""
    run_id: str | None = None
    """The Dagster run to look at, where there is one."""
    is_consequence: bool = False
    """It follows from another finding: nobody is told of it anew."""
    entities: tuple[str, ...] = ()
    """Every entity it is about, where that is more than ``entity``."""

    @property
    def concerned(self) -> tuple[str, ...]:
        """The entities it is about; none where it is the tenant's as a whole."""
        return self.entities or ((self.entity,) if self.entity else ())

    @property
    def key(self) -> str:
        """The same for the same trouble, whenever it is looked at."""
        about = self.entity if self.subject is None else self.subject
        return "|".join((self.rule, self.tenant, about or ""))


def shortened(text: str) -> str:
    """``text`` on one line, cut where it is longer than an alert should be."""
    line = " ".join(text.split())
    return line if len(line) <= LONGEST_TEXT else f"{line[: LONGEST_TEXT - 1]}…"


def counted(number: int, noun: str) -> str:
    """``1 call``, ``1,200 calls``."""
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"
