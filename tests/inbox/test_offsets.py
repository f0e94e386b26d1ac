"""Offsets from which reading may go on, and the watermark."""

from datetime import UTC, datetime, timedelta

import pytest
from aiokafka import TopicPartition
from aiokafka.errors import IllegalStateError, KafkaConnectionError

from service.inbox.offsets import OffsetLostError, lost, settle
from service.inbox.watermark import WatermarkTracker

P = TopicPartition("purchasing.events.order.v1", 2)
Q = TopicPartition("purchasing.events.order.v1", 3)
NOW = datetime(2026, 3, 2, tzinfo=UTC)


class Broker:
    """Both consumers in one: what is committed, where the partitions begin and end, where we are."""

    def __init__(self):
        self.committed_at, self.at, self.ends_at, self.positions = {}, {}, {}, {}
        self.commits = []
        self.begins_at = {}

    def holds(self, partition, begins, ends, *, committed=None, position=None):
        self.begins_at[partition], self.ends_at[partition] = begins, ends
        self.committed_at[partition] = committed
        if position is not None:
            self.positions[partition] = position

    async def beginning_offsets(self, partitions):
        return {p: self.begins_at[p] for p in partitions}

    async def end_offsets(self, partitions):
        return {p: self.ends_at[p] for p in partitions}

    async def committed(self, partition):
        return self.committed_at[partition]

    async def commit(self, offsets):
        self.commits.append(dict(offsets))

    def seek(self, partition, offset):
        self.positions[partition] = offset

    def assignment(self):
        return set(self.positions)

    async def position(self, partition):
        if self.positions[partition] is IllegalStateError:
            raise IllegalStateError("not assigned")
        return self.positions[partition]


@pytest.mark.parametrize("position", [10, 15, 20])
def test_reading_goes_on_anywhere_from_the_begin_to_the_end(position):
    assert lost(P, "purchasing", position, 10, 20) is None


def test_records_removed_unread_are_reported_with_place_and_remedy():
    sentence = lost(P, "purchasing", 9, 10, 20)
    for part in (
        "purchasing.events.order.v1",
        "partition 2",
        "group purchasing",
        "at 9",
        "begins at 10",
        "--to-earliest",
    ):
        assert part in sentence


def test_a_topic_created_again_is_reported_too():
    assert "ends at 20: it was recreated or restored" in lost(P, "purchasing", 21, 10, 20)


async def test_a_new_group_begins_at_the_start_and_commits_it():
    broker = Broker()
    broker.holds(P, 7, 9)
    broker.holds(Q, 0, 5, committed=3)
    await settle(broker, broker, "purchasing", [P, Q])
    assert broker.positions == {P: 7}
    assert broker.commits == [{P: 7}]


async def test_a_lost_offset_is_refused_and_nothing_is_committed():
    broker = Broker()
    broker.holds(P, 7, 9)
    broker.holds(Q, 4, 5, committed=3)
    with pytest.raises(OffsetLostError, match="partition 3"):
        await settle(broker, broker, "purchasing", [P, Q])
    assert broker.commits == []


class Busy(Broker):
    """A broker at which another worker reads and commits, and records are removed, with every question."""

    async def _goes_on(self):
        for partition in self.ends_at:
            self.ends_at[partition] += 10
            self.begins_at[partition] = self.committed_at[partition] = self.ends_at[partition]

    async def beginning_offsets(self, partitions):
        await self._goes_on()
        return await super().beginning_offsets(partitions)

    async def end_offsets(self, partitions):
        found = await super().end_offsets(partitions)
        await self._goes_on()
        return found

    async def committed(self, partition):
        found = await super().committed(partition)
        self.questions -= 1
        if not self.questions:
            self._goes_on = self._rests
        await self._goes_on()
        return found

    async def _rests(self):
        return


@pytest.mark.parametrize("questions", [1, 2, 3])
async def test_records_removed_while_others_commit_are_not_lost(questions):
    broker = Busy()
    broker.questions = questions
    broker.holds(P, 0, 5, committed=3)
    await settle(broker, broker, "purchasing", [P])
    assert broker.commits == []


class Watched(Broker):
    """A watch over both; each time it is asked, the clock is a second later."""

    def __init__(self):
        super().__init__()
        self.in_progress, self.noted, self.seconds = {}, {}, 0
        self.assigned = 1
        self.more = set()
        self.watch = WatermarkTracker(
            self,
            self,
            "purchasing",
            existing=self.existing,
            in_progress=lambda: self.in_progress,
            assignment=lambda: self.assigned,
            clock=self.clock,
            note=self.note,
        )

    async def existing(self):
        return {*self.begins_at, *self.more}

    async def clock(self):
        self.seconds += 1
        return second(self.seconds)

    async def note(self, reached):
        self.noted |= {p: at for p, at in reached.items() if at or p not in self.noted}

    async def looks(self, times):
        for _ in range(times):
            await self.watch.look()
        return self.noted


def second(number):
    return NOW + timedelta(seconds=number)


async def test_the_watermark_is_when_the_end_that_was_reached_was_asked():
    watched = Watched()
    watched.holds(P, 0, 5, position=5)
    assert await watched.looks(1) == {P: None}
    watched.ends_at[P] = 9
    assert await watched.looks(1) == {P: second(1)}
    # What came since is not handled yet.
    assert await watched.looks(3) == {P: second(1)}
    watched.positions[P] = 9
    assert await watched.looks(1) == {P: second(2)}


async def test_the_watermark_advances_when_an_earlier_end_is_passed():
    watched = Watched()
    watched.holds(P, 0, 10, position=0)
    for look in range(1, 6):
        watched.ends_at[P], watched.positions[P] = look * 10, look * 10 - 3
        await watched.watch.look()
    # The end of the first look (10) was passed with the second, that of the third (30) with the fourth.
    assert watched.noted == {P: second(4)}


async def test_a_partition_is_read_no_further_than_to_where_the_batch_in_hand_begins():
    watched = Watched()
    watched.holds(P, 0, 5, position=5)
    watched.holds(Q, 0, 5, position=5)
    watched.in_progress = {P: 4}
    # The other one is idle, so the batch in hand tells nothing of it.
    assert await watched.looks(3) == {P: None, Q: second(2)}
    assert watched.commits == [{Q: 5}]
    watched.in_progress = {}
    assert await watched.looks(1) == {P: second(1), Q: second(3)}


async def test_a_partition_that_was_added_holds_back_before_anything_else_is_noted():
    watched = Watched()
    watched.holds(P, 0, 5, position=5)
    await watched.looks(1)
    watched.more.add(Q)
    noted = []
    watched.watch._note = lambda reached: noted.append(dict(reached)) or watched.note(reached)
    await watched.looks(2)
    assert noted == [{Q: None}, {P: second(1)}, {P: second(2)}]


async def test_while_the_partitions_are_unknown_no_watermark_is_stored():
    watched = Watched()
    watched.holds(P, 0, 5, position=5)
    await watched.looks(1)

    async def existing():
        raise KafkaConnectionError

    watched.watch._existing = existing
    with pytest.raises(KafkaConnectionError):
        await watched.watch.look()
    assert watched.noted == {P: None}


async def test_a_partition_lost_to_another_worker_begins_anew_when_it_returns():
    watched = Watched()
    watched.holds(P, 0, 5, position=3)
    await watched.looks(1)
    position = watched.positions.pop(P)
    await watched.looks(1)
    watched.positions[P] = position + 2
    assert await watched.looks(1) == {P: None}
    assert await watched.looks(1) == {P: second(3)}


async def test_an_open_transaction_behind_our_position_is_not_the_end():
    # A consumer that reads what is committed stands at 5; the log goes on to 6.
    watched = Watched()
    watched.holds(P, 0, 6, position=5)
    assert await watched.looks(3) == {P: None}


async def test_a_position_that_moved_over_markers_is_committed_once():
    watched = Watched()
    watched.holds(P, 0, 6, position=6)
    await watched.looks(2)
    assert watched.commits == [{P: 6}]


async def test_nothing_is_committed_during_a_rebalance_and_all_in_a_new_assignment():
    watched = Watched()
    watched.holds(P, 0, 9, position=6)
    watched.holds(Q, 0, 5, position=5)
    await watched.looks(1)
    watched.assigned = None
    watched.positions[P] = 7
    await watched.looks(2)
    assert watched.commits == [{P: 6, Q: 5}]
    watched.assigned = 2
    await watched.looks(2)
    # Meanwhile another worker may have committed an earlier offset of the partition that did not move.
    assert watched.commits == [{P: 6, Q: 5}, {P: 7, Q: 5}]


async def test_positions_read_before_a_rebalance_are_not_committed_after_it():
    watched = Watched()
    watched.holds(P, 0, 6, position=6)

    async def clock():
        watched.assigned = 2
        return NOW

    watched.watch._clock = clock
    await watched.looks(1)
    assert watched.commits == []


async def test_a_partition_given_to_another_worker_meanwhile_is_left_out():
    watched = Watched()
    watched.holds(P, 0, 5, position=IllegalStateError)
    assert await watched.looks(2) == {P: None}


async def test_records_removed_under_a_running_service_end_it_when_seen_twice():
    watched = Watched()
    watched.holds(P, 8, 9, position=5)
    assert await watched.looks(1) == {P: None}
    with pytest.raises(OffsetLostError, match="begins at 8"):
        await watched.watch.look()
    assert watched.noted == {P: None}
