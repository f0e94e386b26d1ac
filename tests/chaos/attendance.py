"""A check that every worker takes part, by its own `/readyz` and by the broker's view of its groups. Other workers
may have taken over the share of one that hangs, and then no output is missing."""

import asyncio
import time
from collections.abc import Mapping, Sequence

import asyncpg

from tests.chaos.place import GROUP, Place
from tests.chaos.reader import Outsider

BACK_SECONDS = 60.0
"""The time after which the last worker that was harmed is a member again; a killed one was removed from its groups
long before."""
RETRY_SECONDS = 0.5


async def absent(place: Place, outsider: Outsider) -> list[str]:
    """The workers that do not take part, a sentence each; they have some time to come back."""
    groups = (GROUP, f"{await _outbox_id(place.dsn)}.relay")
    until = time.monotonic() + BACK_SECONDS
    while True:
        ready = {slot: await worker.ask("/readyz") for slot, worker in place.slots.items()}
        shares = {group: await asyncio.to_thread(outsider.shares, group) for group in groups}
        found = absences(ready, shares, sum(worker.processes for worker in place.slots.values()))
        if not found or time.monotonic() > until:
            return found
        await asyncio.sleep(RETRY_SECONDS)


def absences(ready: Mapping[int, tuple[int, str]], shares: Mapping[str, Sequence[int]], processes: int) -> list[str]:
    """The absences, by each slot's answer to `/readyz` and the number of partitions of each group's members; there
    are so many processes in all."""
    found = [
        f"slot {slot}: not ready ({status}): {' '.join(answer.split())}"
        for slot, (status, answer) in ready.items()
        if status != 200
    ]
    for group, members in shares.items():
        if len(members) != processes:
            found.append(f"{group}: {len(members)} members, and {processes} workers run")
        elif 0 in members and not 0 < sum(members) < len(members):
            found.append(f"{group}: a member has nothing to do, they have {sorted(members)}")
    return found


async def _outbox_id(dsn: str) -> str:
    connection = await asyncpg.connect(dsn)
    try:
        return str(await connection.fetchval("select outbox_id from installation"))
    finally:
        await connection.close()
