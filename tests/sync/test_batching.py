"""Ranges of partitions cover what is wanted, all of it and nothing else."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from st_pipeline.sync.batching import LARGEST_BATCH, contiguous_ranges

PARTITIONS = st.lists(st.text("abc", min_size=1, max_size=4), unique=True, max_size=30)


def keys_of(ranges: list[tuple[str, str]], partitions: list[str]) -> list[list[str]]:
    """What a run over each range takes: every partition between its ends."""
    return [partitions[partitions.index(a) : partitions.index(b) + 1] for a, b in ranges]


@given(PARTITIONS, st.data(), st.integers(1, 8))
def test_ranges_cover_exactly_the_wanted_keys_once_and_in_order(
    partitions: list[str], data: st.DataObject, largest: int
) -> None:
    wanted = data.draw(st.sets(st.sampled_from(partitions))) if partitions else set()
    batches = keys_of(contiguous_ranges(wanted, partitions, largest), partitions)
    assert [key for batch in batches for key in batch] == [key for key in partitions if key in wanted]
    assert all(1 <= len(batch) <= largest for batch in batches)


@given(PARTITIONS, st.data(), st.integers(1, 8))
def test_there_are_no_more_ranges_than_gaps_and_the_bound_make_necessary(
    partitions: list[str], data: st.DataObject, largest: int
) -> None:
    wanted = data.draw(st.sets(st.sampled_from(partitions))) if partitions else set()
    marks = "".join("x" if key in wanted else " " for key in partitions).split()
    assert len(contiguous_ranges(wanted, partitions, largest)) == sum(-(-len(run) // largest) for run in marks)


def test_a_batch_is_bounded_without_asking_for_it() -> None:
    partitions = [f"{n:03}" for n in range(LARGEST_BATCH + 1)]
    assert contiguous_ranges(partitions, partitions) == [
        ("000", f"{LARGEST_BATCH - 1:03}"),
        (partitions[-1], partitions[-1]),
    ]


def test_a_key_that_is_no_partition_is_named() -> None:
    with pytest.raises(ValueError, match="not partitions: x, z"):
        contiguous_ranges({"z", "a", "x"}, ["a", "b"])
