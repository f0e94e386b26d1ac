"""A stand-in of the service for integration tests: events in, what would be published out, no broker and no database.

Behind it is the service's own `simulate`. The service isn't part of this package: install `purchasing-service` beside
it, or say how to run it (the setting `purchasing_simulate` of pytest, the environment variable `PURCHASING_SIMULATE`),
such as `docker run -i IMAGE simulate -`.
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
    """The stand-in can't answer; the text says why and what to do."""


def simulate_command(given: str = "") -> list[str]:
    """The command that simulates: the one given, else that of the installed service. Raises `StandInError`."""
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
    # -P: a package called `service` in the working directory is somebody else's.
    return [sys.executable, "-P", "-m", "service", "simulate", "-"]


@dataclass(slots=True)
class StandIn:
    """Takes events, and says what the service would publish for them. `command` simulates what it gets on its stdin."""

    command: Sequence[str]
    _events: list[bytes] = field(default_factory=list, init=False)
    complaints: list[str] = field(default_factory=list, init=False)
    """What the service said of bad events, when it was asked last."""

    def send(self, *events: Event | bytes) -> None:
        """Send events, in this order; as bytes: the value of a record in structured mode, right or wrong."""
        self._events += [event if isinstance(event, bytes) else encode_structured(event) for event in events]

    def published(self, until: datetime | None = None) -> list[tuple[dict[str, str], MessageData]]:
        """Attributes and data of all that is published for the events sent so far, in order.

        Time goes on to `until` in the end, so that deadlines before it fire; without it to the last event's time.
        Raises `StandInError` where the service can't be asked, or fails.
        """
        return [decode_published(record.value or b"") for record in self.records(until)]

    def records(self, until: datetime | None = None) -> list[Record]:
        """The same as the records that a consumer would get. Raises like `published`."""
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
        # A line each: an event that was written over several lines is still one.
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
