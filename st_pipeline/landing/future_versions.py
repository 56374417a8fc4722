"""Versions that lie in the future. The source's clock does not decide alone which version of a record is the newest.

A record dated 2099 would hide every later version of itself until then. So a version more than a day after its record
landed counts as unusable, like a missing one: the record takes part in the order it arrived. A day covers clocks that
differ and time zones that were mixed up. Pure.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from st_pipeline.landing.values import TICKS_PER_SECOND, ticks

LEEWAY = timedelta(days=1)

_compute: Any = pc  # its type hints allow only arrays, but it also takes scalars
_EPOCH_AND_LEEWAY = ticks(datetime(1970, 1, 1, tzinfo=UTC) + LEEWAY)


def drop_future(versions: pa.Array, landed_at: pa.Array) -> pa.Array:
    """The versions (ticks), null where one is in the future of its record's landing (timestamps in microseconds)."""
    latest = _compute.add(_compute.multiply(landed_at.cast(pa.int64()), 10), _EPOCH_AND_LEEWAY)
    return pc.if_else(pc.greater(versions, latest), pa.scalar(None, pa.int64()), versions)


def newest_plausible(versions: pa.Array, now: datetime) -> int | None:
    """The highest version (ticks) that is not in the future of ``now``."""
    plausible = versions.filter(_compute.less_equal(versions, ticks(now + LEEWAY)))
    return pc.max(plausible).as_py()


def usable_version(row: str) -> str:
    """SQL: the ``_version`` of a row of a raw table, or null if it was in the future when the row landed."""
    latest = f"(extract(epoch from {row}._landed_at) * {TICKS_PER_SECOND} + {_EPOCH_AND_LEEWAY})"
    return f"case when {row}._version <= {latest} then {row}._version end"
