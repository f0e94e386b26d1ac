"""Whether every worker is at work, as it says itself and as the broker does: others may have taken over the share of
one that has wedged, and then nothing is missing in what came out."""

import asyncio
import time
from collections.abc import Mapping, Sequence

import asyncpg

from tests.chaos.place import GROUP, Place
from tests.chaos.reader import Outsider

BACK_SECONDS = 60.0
"""By then whoever was harmed last is a member again; who was killed has been given up long before."""
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
    """Of what each slot's worker answers to `/readyz`, and of how many partitions each member of a group has; there are
    so many processes in all."""
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
