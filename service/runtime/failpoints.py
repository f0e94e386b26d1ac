"""Named places at which a test kills, freezes or delays this process. For tests only.

    PURCHASING_FAILPOINTS="relay.in_transaction=kill@3;relay.before_init=wait:/some/path"

| action | effect at the place |
|---|---|
| `kill` | the process kills itself (SIGKILL): it flushes and closes nothing |
| `stop` | the process freezes itself (SIGSTOP); the test wakes it with SIGCONT |
| `wait:PATH` | this task, not the process, writes its name into `PATH.reached` and waits until PATH exists |

With `@N` it fires at the N-th pass of the place, else at the first. Each fires once. The variable is read once, at the
first place passed. Without the variable, a place costs one call and one lookup in an empty table (0.1 µs).

| place | state |
|---|---|
| `deadlines.claimed` | the rows of due orders are locked, nothing is decided |
| `batch.before_commit` | the lanes are locked, everything is written, nothing is committed |
| `inbox.assigned` | partitions were assigned, their offsets were not read |
| `inbox.before_offset_commit` | the batch is stored, its offsets are not committed |
| `relay.before_init` | a lane was assigned, its producer is not initialised |
| `relay.before_cursor` | the producer is initialised, the cursor was not read |
| `relay.before_check` | the cursor was read, and not compared to the database |
| `relay.before_publish` | rows were read, no transaction is open |
| `relay.half_sent` | the records were handed to the client, the cursor was not |
| `relay.in_transaction` | everything was sent, the transaction is open |
| `relay.after_commit` | the transaction is committed, and not noted in PostgreSQL |
| `archive.written` | a file of archived orders is on the disk, nothing else is |
| `archive.noted` | the file is noted in PostgreSQL, none of its orders is moved |
| `archive.moved` | some orders of the file are moved |
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
"""The places of a worker, in the order in which an event and its outputs pass them."""
ARCHIVE_PLACES = ("archive.written", "archive.noted", "archive.moved")
"""Those of the command `archive run`."""


class FailpointError(Exception):
    """The variable has a wrong part. The text names it and says what is possible."""


@dataclass
class Failpoint:
    """One armed place. `action` is kill, stop or wait; only wait has a `path`; `at` counts passes from 1."""

    action: str
    at: int
    path: Path | None = None
    passes: int = 0


def parse(text: str) -> dict[str, Failpoint]:
    """Return the failpoints in a text, by place. Raises FailpointError."""
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
    """Pass a place. Nothing happens unless its failpoint is armed. Raises FailpointError."""
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
    task = asyncio.current_task()
    point.path.with_name(point.path.name + ".reached").write_text(task.get_name() if task else "", "utf-8")
    while not point.path.exists():  # noqa: ASYNC110 - another process makes the file
        await asyncio.sleep(0.01)
