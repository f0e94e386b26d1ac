"""What commands for operators have in common: who asks, why, about which records, and how it goes on."""

from __future__ import annotations

import argparse
import getpass
import os
import re
import sys
from typing import TYPE_CHECKING

from purchasing_contracts.base import instant_of

from service.store.operators.quarantine import RecordLocation

if TYPE_CHECKING:
    from datetime import datetime

TEXT_MAX = 500


def add_who(parser: argparse.ArgumentParser, *, why_required: bool = False) -> None:
    """Declare --by and --why, which are kept with what was done."""
    parser.add_argument("--by", type=text, default=os_user(), help="who does it; default: the user at this terminal")
    parser.add_argument("--why", type=text, required=why_required, metavar="REASON", help="kept with what was done")


def os_user() -> str:
    """Return who the operating system says is here; where it has no name for the user, its number."""
    try:
        return getpass.getuser()
    except (OSError, KeyError, ImportError):
        return f"uid {os.getuid()}"


def text(given: str) -> str:
    """Return a text that goes into a log: not blank, on one line, not longer than TEXT_MAX."""
    line = " ".join(given.split())
    if not line or len(line) > TEXT_MAX or not line.isprintable():
        raise argparse.ArgumentTypeError(f"give 1 to {TEXT_MAX} printable characters")
    return line


def time(given: str) -> datetime:
    """Return the instant of an RFC 3339 time."""
    try:
        return instant_of(given)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{given}: not a time as in RFC 3339, such as 2027-01-01T00:00:00Z") from None


def record(given: str) -> RecordLocation:
    """Return the place that TOPIC/PARTITION/OFFSET means, or with #DIGEST behind it, as `quarantine list` says it."""
    found = re.fullmatch(r"([A-Za-z0-9._-]{1,249})/([0-9]{1,9})/([0-9]{1,18})(?:#([0-9a-f]{1,64}))?", given)
    if found is None:
        raise argparse.ArgumentTypeError(
            f"{given}: write a record as TOPIC/PARTITION/OFFSET, as `quarantine list` does"
        )
    topic, partition, offset, digest = found.groups()
    return RecordLocation(topic, int(partition), int(offset), digest or "")


def tell(line: str) -> None:
    """Say something to the person, beside the data."""
    sys.stderr.write(f"{line}\n")
    sys.stderr.flush()
