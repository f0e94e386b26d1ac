"""A stream that delivers records as Kafka may deliver them to a consumer group: everything, in order within a
partition, and some of it again.
"""

import random
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

from pydantic_core import from_json

from purchasing_contracts.records import Record

AGAIN_MAX = 5
"""How many records the successor of a consumer that died may read again; one new record in so many is its last."""


@dataclass(frozen=True, slots=True)
class Stream:
    """Records, and the order in which they are delivered: another one for each `seed`, the same for the same seed.

    Each record comes at least twice. First all partitions are read, side by side; now and then the consumer dies, and
    its successor begins some records earlier. In the end the group's offsets are lost, and all is read once more.
    """

    records: Sequence[Record]
    seed: int = 0

    def __iter__(self) -> Iterator[Record]:
        for record in self.deliveries():
            if record is not None:
                yield record

    def deliveries(self) -> Iterator[Record | None]:
        """The records as they are delivered; None where the consumer dies and another takes its place."""
        # Not for secrets: the same seed has to give the same order.
        chance = random.Random(self.seed)  # noqa: S311
        partitions = self._partitions()
        position, reached = dict.fromkeys(partitions, 0), dict.fromkeys(partitions, 0)
        while unread := [where for where, records in partitions.items() if position[where] < len(records)]:
            where = chance.choice(unread)
            yield partitions[where][position[where]]
            position[where] += 1
            if position[where] > reached[where]:
                reached[where] = position[where]
                # Only at a record that is new, so that it comes to an end.
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
        """Deliver everything to a consumer, and see whether it acted on each command once.

        `handle` takes one record. `acted` says afterwards on which commands it acted, as `command_id`s, one for each
        time it did. `restart` is called where the consumer dies, to lose what it only had in memory. Raises
        `AssertionError` that names commands acted on more than once, or never.
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
        said = [f"acted {what}: {', '.join(ids)}" for what, ids in problems if ids]
        if said:
            raise AssertionError("; ".join([*said, "keep the command_ids acted on, beside what the act changes"]))

    def _partitions(self) -> dict[tuple[str, int], list[Record]]:
        found: dict[tuple[str, int], list[Record]] = {}
        for record in self.records:
            found.setdefault((record.topic, record.partition), []).append(record)
        return found


def command_id_of(record: Record) -> str:
    """The id of a message of ours: a command's `command_id`."""
    event = from_json(record.value or b"")
    return str(event["id"])
