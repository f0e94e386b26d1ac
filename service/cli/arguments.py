"""Arguments that commands for operators share: who, why, which record, and progress on stderr."""

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
    """Declare --by and --why, which the database keeps with the action."""
    parser.add_argument(
        "--by", type=text, default=os_user(), help="your name, kept with the action; default: the user of this terminal"
    )
    parser.add_argument(
        "--why", type=text, required=why_required, metavar="REASON", help="the reason, kept with the action"
    )


def os_user() -> str:
    """Return the name of the operating system's user, or its number where it has no name."""
    try:
        return getpass.getuser()
    except (OSError, KeyError, ImportError):
        return f"uid {os.getuid()}"


def text(given: str) -> str:
    """Return the text on one line. Refuses a blank text and one longer than TEXT_MAX."""
    line = " ".join(given.split())
    if not line or len(line) > TEXT_MAX or not line.isprintable():
        raise argparse.ArgumentTypeError(f"give 1 to {TEXT_MAX} printable characters")
    return line


def time(given: str) -> datetime:
    """Return the instant of an RFC 3339 time."""
    try:
        return instant_of(given)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{given} is not an RFC 3339 time such as 2027-01-01T00:00:00Z") from None


def record(given: str) -> RecordLocation:
    """Return the location for TOPIC/PARTITION/OFFSET, with or without #DIGEST, as `quarantine list` prints it."""
    found = re.fullmatch(r"([A-Za-z0-9._-]{1,249})/([0-9]{1,9})/([0-9]{1,18})(?:#([0-9a-f]{1,64}))?", given)
    if found is None:
        raise argparse.ArgumentTypeError(
            f"{given} is not a record: write TOPIC/PARTITION/OFFSET, as `quarantine list` does"
        )
    topic, partition, offset, digest = found.groups()
    return RecordLocation(topic, int(partition), int(offset), digest or "")


def report(line: str) -> None:
    """Write a line to stderr for the person at the terminal."""
    sys.stderr.write(f"{line}\n")
    sys.stderr.flush()
