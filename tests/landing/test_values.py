"""The typing rules, one value at a time."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal

import psycopg
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from st_pipeline.landing.values import (
    Untypable,
    convert,
    decode,
    ticks,
    to_bigint,
    to_boolean,
    to_date,
    to_instant,
    to_jsonb,
    to_numeric,
    to_text,
    without_unstorable,
)
from st_pipeline.servicetitan.catalogue.model import FieldType

from .json_texts import json_texts


@given(raw=json_texts(), type_=st.sampled_from(FieldType))
def test_any_json_value_has_a_value_of_any_type_or_a_reason(raw: str, type_: FieldType) -> None:
    try:
        convert(type_, decode(raw), raw)
    except Untypable as problem:
        assert str(problem)


@given(st.integers(-(2**63), 2**63 - 1), st.sampled_from(["{}", " {} ", "{}.0", "{}e0"]))
def test_every_integer_of_64_bits_is_a_bigint_as_number_and_as_string(number: int, form: str) -> None:
    text = form.format(number)
    assert to_bigint(decode(text)) == number
    if form.strip() == "{}":
        assert to_bigint(text) == number


@pytest.mark.parametrize(
    "raw", ["1.5", "9223372036854775808", "-9223372036854775809", '"x"', '"1.0"', "true", "null", "[]", "{}", '""',
            "1e19", "1e1000000", "NaN", "9" * 5000, '"٣"']
)  # fmt: skip
def test_values_beyond_64_bit_integers_are_not_bigint(raw: str) -> None:
    with pytest.raises(Untypable, match="not a valid whole number"):
        to_bigint(decode(raw))


AMOUNTS = st.integers(-(10**38) + 1, 10**38 - 1).map(lambda units: Decimal(f"{units}E-19"))


def test_zero_is_zero_however_large_its_exponent() -> None:
    assert to_bigint(decode("0e999999999")) == 0
    assert to_numeric(decode("-0e999999999")) == 0


@given(AMOUNTS)
@example(Decimal("9" * 19 + "." + "9" * 19))
@example(Decimal("-" + "9" * 19 + "." + "9" * 19))
def test_nineteen_decimals_stay_exact_as_number_and_as_string(amount: Decimal) -> None:
    assert to_numeric(decode(f"{amount:f}")) == amount
    assert to_numeric(f"{amount:f}") == amount
    assert to_numeric(decode(f"{amount:e}")) == amount


def test_more_than_nineteen_decimals_are_rounded_half_to_even() -> None:
    assert to_numeric(decode("0.00000000000000000005")) == 0
    assert to_numeric(decode("0.00000000000000000015")) == Decimal("2e-19")
    assert to_numeric("0." + "3" * 4000) == Decimal("0." + "3" * 19)


@pytest.mark.parametrize("raw", ["1e19", "-1e19", "9999999999999999999.99999999999999999999", "1e999999", "9" * 5000])
def test_a_number_too_large_for_numeric_says_so(raw: str) -> None:
    with pytest.raises(Untypable, match="too many digits"):
        to_numeric(decode(raw))


@pytest.mark.parametrize(
    "raw", ['"1,2"', '"abc"', '""', "true", "[]", "{}", "NaN", "-Infinity", '"NaN"', '"0x1"', '"1_0"']
)
def test_other_values_are_not_numeric(raw: str) -> None:
    with pytest.raises(Untypable, match="not a number"):
        to_numeric(decode(raw))


@pytest.mark.parametrize("raw", ["1e9999999999999999999", "[1e9999999999999999999]"])
def test_a_number_too_large_for_a_decimal_is_rejected_with_a_reason(raw: str) -> None:
    with pytest.raises(Untypable, match="out of range"):
        decode(raw)


def test_json_nested_too_deeply_is_rejected_with_a_reason() -> None:
    with pytest.raises(Untypable, match="not readable"):
        decode("[" * 100_000 + "]" * 100_000)


@pytest.mark.parametrize(
    ("text", "instant"),
    [
        ("2024-02-29T12:30:15Z", datetime(2024, 2, 29, 12, 30, 15, tzinfo=UTC)),
        ("2024-02-29T12:30:15.123Z", datetime(2024, 2, 29, 12, 30, 15, 123000, tzinfo=UTC)),
        ("2024-02-29T12:30:15.1234567Z", datetime(2024, 2, 29, 12, 30, 15, 123456, tzinfo=UTC)),
        ("2024-02-29T12:30:15.123456789123Z", datetime(2024, 2, 29, 12, 30, 15, 123456, tzinfo=UTC)),
        ("2024-02-29T12:30:15.5", datetime(2024, 2, 29, 12, 30, 15, 500000, tzinfo=UTC)),
        ("2024-02-29 12:30:15", datetime(2024, 2, 29, 12, 30, 15, tzinfo=UTC)),
        ("2024-02-29T12:30:15-06:00", datetime(2024, 2, 29, 18, 30, 15, tzinfo=UTC)),
        ("2024-02-29T00:30:15.25+05:30", datetime(2024, 2, 28, 19, 0, 15, 250000, tzinfo=UTC)),
        ("2024-02-29", datetime(2024, 2, 29, tzinfo=UTC)),
        (" 2024-02-29T12:30:15z ", datetime(2024, 2, 29, 12, 30, 15, tzinfo=UTC)),
        ("0001-01-01T00:00:00Z", datetime(1, 1, 1, tzinfo=UTC)),
        ("9999-12-31T23:59:59.9999999Z", datetime(9999, 12, 31, 23, 59, 59, 999999, tzinfo=UTC)),
    ],
)
def test_instants_are_read_in_every_form_the_api_writes(text: str, instant: datetime) -> None:
    assert to_instant(text)[0] == instant


@pytest.mark.parametrize(
    "value",
    ["", "soon", "2024-13-01T00:00:00Z", "2024-02-30", "2024-02-29T24:00:01Z", "2024-02-29T12:60:00Z", "12/31/2024",
     "٢٠٢٤-٠٢-٢٩", "0001-01-01T00:00:00+01:00", "9999-12-31T23:00:00-02:00", "2024-02-29T12:30Z", 1709210000, None],
)  # fmt: skip
def test_other_text_is_not_an_instant(value: object) -> None:
    with pytest.raises(Untypable, match=r"not a (valid )?timestamp"):
        to_instant(value)


@given(st.datetimes(timezones=st.just(UTC)), st.integers(0, 9), st.integers(-14 * 60, 14 * 60))
def test_ticks_count_100_ns_since_year_one_whatever_the_zone(instant: datetime, tick: int, offset: int) -> None:
    try:
        local = instant.astimezone(timezone(timedelta(minutes=offset)))
    except OverflowError:
        return
    sign, minutes = "-" if offset < 0 else "+", abs(offset)
    written = local.replace(tzinfo=None).isoformat(timespec="microseconds")
    text = f"{written}{tick}{sign}{minutes // 60:02}:{minutes % 60:02}"
    since = instant - datetime(1, 1, 1, tzinfo=UTC)
    expected = (since.days * 86_400 + since.seconds) * 10_000_000 + since.microseconds * 10
    assert ticks(instant) == expected
    assert to_instant(text) == (instant, expected + tick)


def test_a_date_is_the_one_that_is_written_never_shifted_by_a_zone() -> None:
    assert to_date("2024-02-29") == date(2024, 2, 29)
    assert to_date("2024-02-29T23:30:00-06:00") == date(2024, 2, 29)
    with pytest.raises(Untypable, match="not a valid date"):
        to_date("2023-02-29")


def test_a_boolean_may_come_as_its_name() -> None:
    assert [to_boolean(v) for v in (True, False, "true", " FALSE ")] == [True, False, True, False]
    for value in (1, 0, "yes", None, []):
        with pytest.raises(Untypable, match="not true or false"):
            to_boolean(value)


def test_a_text_may_be_a_number_and_is_kept_as_written() -> None:
    assert [to_text(decode(raw), raw) for raw in ('"a"', "7", "1.50", "true")] == ["a", "7", "1.50", "true"]
    for raw in ("[1]", "{}", "null"):
        with pytest.raises(Untypable, match="not text"):
            to_text(decode(raw), raw)


def test_digits_and_e_in_a_string_are_not_a_huge_number() -> None:
    guids = '[{"guid": "0e84400e-1111-4e12-8e99-7e123456789a", "quoted \\" 1e99999": "5e55555"}]'
    assert to_jsonb(guids) == guids


@pytest.mark.parametrize(
    "number", ["1e131072", "1e-16384", "9" * 131_073, "0." + "1" * 16_384, "1." + "1" * 9_000 + "e-9999"]
)
def test_values_too_large_for_jsonb_are_rejected_before_postgres_would(
    number: str, control: psycopg.Connection
) -> None:
    with pytest.raises(psycopg.Error):
        control.execute("select %s::jsonb", (f"[{number}]",))
    with pytest.raises(Untypable, match="number that is too large"):
        to_jsonb(f'["a string before it", {number}]')


@pytest.mark.parametrize(
    "number", ["1" * 199 + "e9999", "0." + "1" * 199 + "e-9999", "1" * 199 + "." + "1" * 199 + "e-9999"]
)
def test_postgres_accepts_the_largest_allowed_numbers(number: str, control: psycopg.Connection) -> None:
    control.execute("select %s::jsonb", (to_jsonb(f"[{number}]"),))


@pytest.mark.parametrize(
    ("sent", "kept"),
    [
        (rb'"a\u0000b"', rb'"ab"'),
        (rb'"\ud800"', rb'""'),
        (rb'"\uDC00x"', rb'"x"'),
        (rb'"\ud83d\ude00"', rb'"\ud83d\ude00"'),
        (rb'"\ud83d\ud83d\ude00"', rb'"\ud83d\ude00"'),
        (rb'"\ud83d\u0000\ude00"', rb'""'),
        (rb'"C:\\u0000"', rb'"C:\\u0000"'),
        (rb'"C:\\\u0000"', rb'"C:\\"'),
        (rb'"\\\\u0000 \\ud800"', rb'"\\\\u0000 \\ud800"'),
        (rb'"\u00e9 \u2028"', rb'"\u00e9 \u2028"'),
    ],
)
def test_nul_and_lone_surrogates_are_taken_out_and_nothing_else(sent: bytes, kept: bytes) -> None:
    assert without_unstorable(sent) == kept


@given(st.text(st.characters(codec=None)))  # with lone surrogates
def test_only_what_postgres_cannot_store_is_removed_from_a_text(text: str) -> None:
    left = json.loads(without_unstorable(json.dumps(text).encode()))
    # json.loads joins escaped surrogate halves that are next to each other, as every reader does.
    joined = json.loads(json.dumps(text))
    assert left == "".join(c for c in joined if c != "\0" and not 0xD800 <= ord(c) <= 0xDFFF)
    left.encode()
