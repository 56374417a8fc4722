"""Which tenants share a run: contiguous partition ranges of limited length. Pure."""

from __future__ import annotations

from collections.abc import Collection, Sequence

LARGEST_BATCH = 25


def contiguous_ranges(
    wanted: Collection[str], partitions: Sequence[str], largest: int = LARGEST_BATCH
) -> list[tuple[str, str]]:
    """First and last key of each range. Together the ranges are exactly ``wanted``, in the order of ``partitions``.

    A run over a range includes every partition in it, so a range never spans a key that isn't wanted.

    Raises:
        ValueError: a wanted key is not a partition.
    """
    if unknown := sorted(set(wanted) - set(partitions)):
        raise ValueError(f"not partitions: {', '.join(unknown)}")
    ranges: list[tuple[str, str]] = []
    length = 0
    previous: str | None = None
    for key in partitions:
        if key not in wanted:
            previous = None
        elif previous is not None and length < largest:
            ranges[-1] = (ranges[-1][0], key)
            length += 1
            previous = key
        else:
            ranges.append((key, key))
            length, previous = 1, key
    return ranges
