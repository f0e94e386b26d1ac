"""The sender that is kept beside a quarantined record."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from purchasing_contracts.envelope import Refusal

from service.orders.inbound_record import InboundRecord
from service.orders.quarantine_row import quarantine_row

NOW = datetime(2026, 3, 2, tzinfo=UTC)
BINARY = (("ce_specversion", b"1.0"), ("ce_source", b"/binary"))


@pytest.mark.parametrize(
    ("value", "headers", "source"),
    [
        (b'{"source": "/shop", "specversion": "9"}', (), "/shop"),
        (b'{"source": "/shop"}', BINARY, "/binary"),
        (b'{"source": "' + b"x" * 512 + b'"}', (), "x" * 512),
        (b'{"source": "' + b"x" * 513 + b'"}', (), None),
        (b'\0\0\0\0\7{"source": "/framed"}', (), "/framed"),
        (b'{"source": ""}', (), None),
        (b'{"source": 7}', (), None),
        (b'{"source": "a\\u0000b"}', (), None),
        (b'{"source": "\\u202egnp"}', (), None),
        (b'{"source": "/shop"', (), None),
        (b'["source"]', (), None),
        (b"\xff\x00", (), None),
        (None, (), None),
        (b"{}", (("ce_specversion", b"1.0"), ("ce_source", b"\xff")), None),
    ],
)
def test_the_sender_is_kept_where_it_can_be_read(value, headers, source) -> None:
    refusal = Refusal("not_json", "", None, "")
    assert quarantine_row(InboundRecord("t", 0, 1, None, value, headers, refusal), refusal, NOW).source == source
