"""Named places at which a test makes this process die, freeze or wait. For tests only.

    PURCHASING_FAILPOINTS="relay.in_transaction=kill@3;relay.before_init=wait:/some/path"

| action | at the place |
|---|---|
| `kill` | the process kills itself (SIGKILL): nothing is flushed, nothing is closed |
| `stop` | the process freezes itself (SIGSTOP); whoever set the failpoint wakes it with SIGCONT |
| `wait:PATH` | this task, not the process, makes `PATH.reached` and waits until PATH exists |

`@N` behind it: at the N-th time the place is passed (the first if not given). Each fires once. The variable
is read when the first place is passed and then no more. Unset, a place costs one call and a look into an
empty table (0.1 µs).

The places: `deadlines.claimed` (the rows of due orders are locked, nothing is decided),
`batch.before_commit` (the lanes are locked and everything is written, nothing is committed),
`inbox.assigned` (partitions were given to this process, their offsets are not looked at yet),
`inbox.before_offset_commit` (stored, Kafka doesn't know yet), `relay.before_init` (a lane was given to this
process, its producer is not yet initialised), `relay.before_cursor` (initialised, the cursor is not read yet),
`relay.before_check` (the cursor was read, and is not held against the database yet),
`relay.before_publish` (the cursor was read and rows are in hand, no transaction is open), `relay.half_sent` (the
records were handed to the client, the cursor wasn't), `relay.in_transaction` (everything is sent and
committed, the transaction is open), `relay.after_commit` (the transaction is committed, PostgreSQL doesn't
know yet).
"""

import asyncio
import os
import signal
from dataclasses import dataclass
from functools import cache
from pathlib import Path

VARIABLE = "PURCHASING_FAILPOINTS"

PLACES = (
    "deadlines.claimed",
    "batch.before_commit",
    "inbox.assigned",
    "inbox.before_offset_commit",
    "relay.before_init",
    "relay.before_cursor",
    "relay.before_check",
    "relay.before_publish",
    "relay.half_sent",
    "relay.in_transaction",
    "relay.after_commit",
)
"""Every place there is, in the order in which an event and what it leads to pass them."""


class FailpointError(Exception):
    """The variable can't be read as failpoints: the text says which part and what is possible."""


@dataclass
class Failpoint:
    """One armed place: `action` is kill, stop or wait, `path` is set for wait only, `at` counts passes from
    1."""

    action: str
    at: int
    path: Path | None = None
    passes: int = 0


def parse(text: str) -> dict[str, Failpoint]:
    """The failpoints of such a text by name. Raises FailpointError."""
    armed: dict[str, Failpoint] = {}
    for part in filter(None, (part.strip() for part in text.split(";"))):
        name, equals, rest = part.partition("=")
        rest, _, nth = rest.partition("@")
        action, _, path = rest.partition(":")
        known = bool(path) if action == "wait" else action in ("kill", "stop") and not path
        if not (name and equals and known and (nth.isdecimal() or not nth)):
            raise FailpointError(
                f"{VARIABLE}: {part!r} is no failpoint; write name=kill, name=stop or name=wait:PATH, and @N"
            )
        armed[name] = Failpoint(action, int(nth or 1), Path(path) if path else None)
    return armed


@cache
def _armed() -> dict[str, Failpoint]:
    return parse(os.environ.get(VARIABLE, ""))


async def failpoint(name: str) -> None:
    """Pass the place of this name: nothing happens unless the environment asks for it. Raises
    FailpointError."""
    armed = _armed()
    if armed and name in armed:
        await _pass(armed[name])


async def _pass(point: Failpoint) -> None:
    point.passes += 1
    if point.passes != point.at:
        return
    if point.path is None:
        os.kill(os.getpid(), signal.SIGKILL if point.action == "kill" else signal.SIGSTOP)
        return
    point.path.with_name(point.path.name + ".reached").touch()
    while not point.path.exists():  # noqa: ASYNC110 - another process makes the file
        await asyncio.sleep(0.01)
