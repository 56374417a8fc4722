"""Whose landing zone it is. What a crash left is found by comparing the zone with the ledger, so a zone that two
installations share would lose the files of each to the other. The first one marks it; another one is refused.
"""

from __future__ import annotations

from st_pipeline.landing.ledger import Ledger
from st_pipeline.landing.zone import OWNER, LandingZone
from st_pipeline.steps.advised_error import AdvisedError
from st_pipeline.steps.step import Do, Step


class ZoneNotOurs(AdvisedError):
    """The landing zone belongs to another installation. Nothing in it was changed."""


def claim(zone: LandingZone, ledger: Ledger) -> None:
    """Mark the zone as ours if it has no mark. Call this before writing or deleting anything in it.

    A zone without a mark that has files, none of which our ledger knows, is not taken: they would be swept.

    Raises:
        ZoneNotOurs: the zone belongs to the installation of another warehouse.
        OSError: the zone cannot be reached.
    """
    installation = ledger.installation()
    if zone.owner == installation:
        return
    owner = zone.read_owner()
    if owner is None:
        if ledger.is_empty() and zone.paths():
            raise _refusal(zone, "has landed files that this warehouse does not know")
        zone.write_owner(installation)
        owner = zone.read_owner()  # of two that write at once, one is last
    if owner != installation:
        raise _refusal(zone, f"belongs to another installation (its {OWNER} says {owner})")
    zone.owner = installation


def _refusal(zone: LandingZone, why: str) -> ZoneNotOurs:
    return ZoneNotOurs(f"the landing zone {zone.location} {why}", Step(Do.OWN_LANDING_ZONE))
