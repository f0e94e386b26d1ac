"""A stream that delivers records as Kafka may deliver them to a consumer group: everything, in order per partition,
and some records again.
"""

import random
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

from pydantic_core import from_json

from purchasing_contracts.records import Record

AGAIN_MAX = 5
"""The number of records that a dead consumer's successor may read again; one new record in that many is the last."""


@dataclass(frozen=True, slots=True)
class Stream:
    """Records and an order of delivery, which depends only on `seed`.

    Each record comes at least twice. First all partitions are read side by side; now and then the consumer dies, and
    its successor begins some records earlier. At the end the group's offsets are lost, and everything is read again.
    """

    records: Sequence[Record]
    seed: int = 0

    def __iter__(self) -> Iterator[Record]:
        for record in self.deliveries():
            if record is not None:
                yield record

    def deliveries(self) -> Iterator[Record | None]:
        """Yield the records in the order of delivery; None when the consumer dies and another takes over."""
        # Not for secrets: the same seed must give the same order.
        chance = random.Random(self.seed)  # noqa: S311
        partitions = self._partitions()
        position, reached = dict.fromkeys(partitions, 0), dict.fromkeys(partitions, 0)
        while unread := [where for where, records in partitions.items() if position[where] < len(records)]:
            where = chance.choice(unread)
            yield partitions[where][position[where]]
            position[where] += 1
            if position[where] > reached[where]:
                reached[where] = position[where]
                # Only at a new record, so that the stream ends.
                if chance.random() < 1 / AGAIN_MAX:
                    yield None
                    position[where] = max(0, position[where] - chance.randint(1, AGAIN_MAX))
        yield None
        yield from (record for records in partitions.values() for record in records)

    def prove_once(
        self,
        handle: Callable[[Record], object],
        acted: Callable[[], Iterable[str]],
        restart: Callable[[], object] | None = None,
    ) -> None:
        """Deliver everything to a consumer, and check that it acted on each command once.

        `handle` takes one record. `acted` returns the `command_id`s on which the consumer acted, one per action.
        `restart` is called when the consumer dies, and must drop its memory. Raises `AssertionError` that names
        commands acted on more than once, or never.
        """
        __tracebackhide__ = True  # pytest shows the test, not this
        for record in self.deliveries():
            if record is not None:
                handle(record)
            elif restart is not None:
                restart()
        expected = [command_id_of(record) for record in self.records]
        times = Counter(acted())
        twice = [f"{id_} ({times[id_]} times)" for id_ in expected if times[id_] > 1]
        never = [id_ for id_ in expected if not times[id_]]
        strange = sorted(set(times) - set(expected))
        problems = [("more than once", twice), ("never", never), ("which were not sent", strange)]
        complaints = [f"acted {what}: {', '.join(ids)}" for what, ids in problems if ids]
        if complaints:
            raise AssertionError("; ".join([*complaints, "keep the command_ids acted on, beside what the act changes"]))

    def _partitions(self) -> dict[tuple[str, int], list[Record]]:
        found: dict[tuple[str, int], list[Record]] = {}
        for record in self.records:
            found.setdefault((record.topic, record.partition), []).append(record)
        return found


def command_id_of(record: Record) -> str:
    """Return the id of a published message: a command's `command_id`."""
    event = from_json(record.value or b"")
    return str(event["id"])
