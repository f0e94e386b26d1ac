"""A stand-in of the service for integration tests: events in, outputs out, without a broker and a database.

It runs the service's own `simulate`. The service is not part of this package: install `purchasing-service` too, or
configure how to run it (pytest's setting `purchasing_simulate`, the environment variable `PURCHASING_SIMULATE`), such
as `docker run -i IMAGE simulate -`.
"""

import shlex
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from importlib.metadata import PackageNotFoundError, distribution

from purchasing_contracts.base import MessageData, text_of
from purchasing_contracts.envelope import decode_published, encode_structured
from purchasing_contracts.messages import Event
from purchasing_contracts.records import STRUCTURED_HEADERS, Record
from purchasing_contracts.topics import topic_of

LIMIT_SECONDS = 120
DONE, BAD_EVENTS = 0, 3
DISTRIBUTION = "purchasing-service"


class StandInError(Exception):
    """The stand-in can't answer. The text says why and what to do."""


def simulate_command(given: str = "") -> list[str]:
    """Return the command that simulates: the given one, else that of the installed service. Raises `StandInError`."""
    if given.strip():
        return shlex.split(given)
    try:
        distribution(DISTRIBUTION)
    except PackageNotFoundError:
        raise StandInError(
            f"the stand-in runs the service's own `simulate`, and the service is not installed here: "
            f"pip install {DISTRIBUTION}; or say how to run it, in pytest's configuration "
            "(purchasing_simulate = docker run -i IMAGE simulate -) or in PURCHASING_SIMULATE"
        ) from None
    # -P, because a package `service` in the working directory is not ours.
    return [sys.executable, "-P", "-m", "service", "simulate", "-"]


@dataclass(slots=True)
class StandIn:
    """Takes events and returns what the service would publish. `command` reads events from its standard input."""

    command: Sequence[str]
    _events: list[bytes] = field(default_factory=list, init=False)
    complaints: list[str] = field(default_factory=list, init=False)
    """The service's errors about bad events at the last call."""

    def send(self, *events: Event | bytes) -> None:
        """Send events in this order. Bytes are the value of a record in structured mode, valid or not."""
        self._events += [event if isinstance(event, bytes) else encode_structured(event) for event in events]

    def published(self, until: datetime | None = None) -> list[tuple[dict[str, str], MessageData]]:
        """Return attributes and data of everything published for the events so far, in order.

        The clock ends at `until`, so that deadlines before it fire; without it, at the last event's time.
        Raises `StandInError` if the service can't be run, or fails.
        """
        return [decode_published(record.value or b"") for record in self.records(until)]

    def records(self, until: datetime | None = None) -> list[Record]:
        """Return the same as records for a consumer. Raises like `published`."""
        values = self._simulate(until)
        topics: dict[str, int] = {}
        records = []
        for value in values:
            attributes, data = decode_published(value)
            topic = topic_of(type(data)).name
            offset = topics[topic] = topics.get(topic, -1) + 1
            records.append(Record(topic, attributes["subject"].encode(), value, STRUCTURED_HEADERS, 0, offset))
        return records

    def _simulate(self, until: datetime | None) -> list[bytes]:
        command = [*self.command, *([] if until is None else ["--until", text_of(until)])]
        # One line per event, however it was written.
        given = b"\n".join(event.replace(b"\n", b" ").replace(b"\r", b" ") for event in self._events)
        try:
            done = subprocess.run(command, input=given, capture_output=True, timeout=LIMIT_SECONDS, check=False)
        except (OSError, subprocess.TimeoutExpired) as error:
            raise StandInError(f"{shlex.join(command)} can't be run: {error}") from None
        self.complaints = done.stderr.decode("utf-8", "replace").splitlines()
        if done.returncode not in (DONE, BAD_EVENTS):
            last = "\n".join(self.complaints[-5:])
            raise StandInError(f"{shlex.join(command)} ended with exit code {done.returncode}:\n{last}")
        return done.stdout.splitlines()
