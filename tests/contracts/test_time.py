"""Instants: RFC 3339 with an offset, to the microsecond, in UTC, of the years 2000 to 2199."""

from datetime import UTC, datetime, timedelta, timezone

import pytest
from purchasing_contracts.base import instant_of, text_of
from purchasing_contracts.envelope import Event, Refusal, decode
from purchasing_contracts.events.order import Mandate
from pydantic import ValidationError

from tests.contracts.wire import ORDER, PLACED, event, text


@pytest.mark.parametrize(
    ("notation", "meant"),
    [
        ("2026-03-02T09:00:00Z", "2026-03-02T09:00:00Z"),
        ("2026-03-02t09:00:00z", "2026-03-02T09:00:00Z"),
        ("2026-03-02T09:00:00+00:00", "2026-03-02T09:00:00Z"),
        ("2026-03-02T09:00:00-00:00", "2026-03-02T09:00:00Z"),
        ("2026-03-02T17:00:00+08:00", "2026-03-02T09:00:00Z"),
        ("2026-03-01T23:30:00-09:30", "2026-03-02T09:00:00Z"),
        ("2026-03-02T09:00:00.5Z", "2026-03-02T09:00:00.500000Z"),
        ("2026-03-02T09:00:00.000000Z", "2026-03-02T09:00:00Z"),
        ("2026-03-02T09:00:00.123456999999999999999Z", "2026-03-02T09:00:00.123456Z"),
        ("2026-03-02T09:00:00.9999999z", "2026-03-02T09:00:00.999999Z"),
        ("2024-02-29T23:59:59Z", "2024-02-29T23:59:59Z"),
        ("2000-01-01T00:00:00Z", "2000-01-01T00:00:00Z"),
        ("1999-12-31T16:00:00-08:00", "2000-01-01T00:00:00Z"),
        ("2199-12-31T23:59:59.999999Z", "2199-12-31T23:59:59.999999Z"),
        ("2200-01-01T07:59:59+08:00", "2199-12-31T23:59:59Z"),
    ],
)
def test_a_time_is_read_in_whatever_notation_rfc_3339_has(notation: str, meant: str) -> None:
    decoded = decode(ORDER, b"ord-1001", text(event(PLACED, time=notation)), [])

    assert isinstance(decoded, Event)
    assert text_of(decoded.time) == meant
    assert decoded.time.tzinfo is UTC


@pytest.mark.parametrize(
    "notation",
    [
        "2026-03-02T09:00:00",
        "2026-03-02 09:00:00Z",
        "2026-03-02_09:00:00Z",
        "2026-03-02T09:00Z",
        "2026-03-02",
        "2026-03-02T09:00:00+0800",
        "2026-03-02T09:00:00+08",
        "2026-03-02T09:00:00+24:00",
        "2026-03-02T09:00:00 Z",
        "2026-03-02T09:00:00.Z",
        "2026-03-02T09:00:00,5Z",
        "2026-03-02T09:00:60Z",
        "2016-12-31T23:59:60Z",
        "2026-03-02T24:00:00Z",
        "2026-02-29T09:00:00Z",
        "2026-13-01T09:00:00Z",
        "2026-W10-1T09:00:00Z",
        "20260302T090000Z",
        "26-03-02T09:00:00Z",
        "٢٠٢٦-03-02T09:00:00Z",
        "2026-03-02T09:00:00Z\n",
        " 2026-03-02T09:00:00Z",
        "1772442000",
        "0000-01-01T00:00:00Z",
        "0001-01-01T00:00:00+23:59",
        "9999-12-31T23:59:59-23:59",
        "1999-12-31T23:59:59Z",
        "2000-01-01T07:59:59+08:00",
        "2200-01-01T00:00:00Z",
        "2199-12-31T23:59:59-00:01",
        "",
    ],
)
def test_a_time_in_another_notation_or_of_another_age_is_refused(notation: str) -> None:
    decoded = decode(ORDER, b"ord-1001", text(event(PLACED, time=notation)), [])

    assert isinstance(decoded, Refusal)
    assert (decoded.reason, decoded.place) == ("schema", "/time")


@pytest.mark.parametrize("value", [1772442000, 1772442000.5, True, None, ["2026-03-02T09:00:00Z"]])
def test_a_time_is_a_string(value: object) -> None:
    decoded = decode(ORDER, b"ord-1001", text(event(PLACED, time=value)), [])

    assert isinstance(decoded, Refusal)
    assert (decoded.reason, decoded.place) == ("schema", "/time")


def test_a_time_given_in_python_is_turned_to_utc_and_must_have_an_offset() -> None:
    shanghai = timezone(timedelta(hours=8))
    mandate = Mandate(agreed_at=datetime(2026, 3, 2, 17, tzinfo=shanghai))

    assert mandate.agreed_at == datetime(2026, 3, 2, 9, tzinfo=UTC)
    assert mandate.agreed_at.tzinfo is UTC
    assert mandate.model_dump_json() == '{"agreed_at":"2026-03-02T09:00:00Z"}'
    for wrong in (datetime(2026, 3, 2), datetime(1999, 1, 1, tzinfo=UTC), "2026-03-02T09:00:00Z"):  # noqa: DTZ001
        with pytest.raises(ValidationError):
            Mandate(agreed_at=wrong)  # type: ignore[arg-type]


def test_an_instant_is_written_as_it_was_read() -> None:
    assert text_of(instant_of("2026-03-02T17:00:00.000001+08:00")) == "2026-03-02T09:00:00.000001Z"
