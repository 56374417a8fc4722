"""What the simulated month is compared with (month_oracle.py) knows the clocks itself."""

from __future__ import annotations

from .month_oracle import regular
from .month_tenants import TENANTS

BY_KEY = {tenant.key: tenant for tenant in TENANTS}


def test_the_oracle_knows_what_the_clocks_skip() -> None:
    cron, nights = BY_KEY["cron-1"], BY_KEY["berlin-1"]
    sundays = [f"{at:%m-%d %H:%M}" for at in regular(cron.times, cron.zone) if at.month == 3]
    assert sundays == ["03-01 07:30", "03-08 07:00", "03-15 06:30", "03-22 06:30", "03-29 06:30"]
    around = [
        f"{at:%m-%d %H:%M}" for at in regular(nights.times, nights.zone) if at.day in (28, 29, 30) and at.month == 3
    ]
    assert around == ["03-28 01:00", "03-29 01:00", "03-30 00:00"]
