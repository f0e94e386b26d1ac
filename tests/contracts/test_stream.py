"""The stream for consumers' tests: everything comes, in order, and some of it again; who acts twice is caught."""

from collections import Counter
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from purchasing_contracts.checking import Checker
from purchasing_contracts.envelope import decode_published
from purchasing_contracts.published import CommandData
from purchasing_contracts.records import Record
from purchasing_contracts.testing.messages import COMMANDS, example_commands
from purchasing_contracts.testing.stream import Stream, command_id_of
from purchasing_contracts.topics import TOPICS

seeds = st.integers(0, 10_000)


def test_there_is_an_example_of_every_command_on_every_order_each_with_its_own_id() -> None:
    records = example_commands(orders=3)
    types = [decode_published(record.value or b"")[0]["type"] for record in records]

    assert Counter(types) == dict.fromkeys(COMMANDS, 3)
    assert len({command_id_of(record) for record in records}) == len(records) == 3 * len(COMMANDS)
    assert len(COMMANDS) == sum(issubclass(cls, CommandData) for topic in TOPICS for cls in topic.messages)


def test_the_example_commands_follow_the_contracts() -> None:
    checker = Checker()

    for record in example_commands():
        assert checker.check(record).refusal is None
        attributes, command = decode_published(record.value or b"")
        assert isinstance(command, CommandData)
        assert command.command_id == attributes["id"]
        assert command.order_id == attributes["subject"] == (record.key or b"").decode()


@given(seeds)
def test_every_record_comes_at_least_twice_and_first_in_the_order_of_its_partition(seed: int) -> None:
    records = example_commands(orders=8)
    seen: list[Record] = list(Stream(records, seed))

    assert min(Counter((one.topic, one.partition, one.offset) for one in seen).values()) >= 2
    first = list(dict.fromkeys((one.topic, one.partition, one.offset) for one in seen))
    for topic, partition in {(one.topic, one.partition) for one in records}:
        offsets = [offset for *where, offset in first if where == [topic, partition]]
        assert offsets == sorted(offsets)
    assert {(one.topic, one.partition, one.offset) for one in records} == set(first)


@given(seeds)
def test_a_record_comes_again_only_with_all_that_followed_it_in_its_partition(seed: int) -> None:
    position: dict[Any, int] = {}
    for record in Stream(example_commands(orders=8), seed):
        where = (record.topic, record.partition)
        assert record.offset <= position.get(where, 0)
        position[where] = record.offset + 1


def test_a_consumer_dies_now_and_then_and_its_successor_reads_some_records_again() -> None:
    for seed in range(10):
        deliveries = list(Stream(example_commands(orders=8), seed).deliveries())
        # The last time is when the group's offsets are lost and all is read once more.
        before = deliveries[: len(deliveries) - 1 - deliveries[::-1].index(None)]
        times = Counter((one.topic, one.partition, one.offset) for one in before if one is not None)

        assert None in before
        assert max(times.values()) > 1


def test_the_same_seed_gives_the_same_order_and_another_seed_another() -> None:
    records = example_commands()

    assert list(Stream(records, 1)) == list(Stream(records, 1)) != list(Stream(records, 2))


class Consumer:
    """A payer that executes each command once, by its id."""

    def __init__(self, *, remembers: bool, keeps: bool) -> None:
        self.paid: list[str] = []
        self.seen: set[str] = set()
        self.remembers, self.keeps = remembers, keeps

    def handle(self, record: Record) -> None:
        id_ = command_id_of(record)
        if not (self.remembers and id_ in self.seen):
            self.paid.append(id_)
        self.seen.add(id_)

    def restart(self) -> None:
        if not self.keeps:
            self.seen.clear()

    def prove(self, records: list[Record], seed: int = 0) -> None:
        Stream(records, seed).prove_once(self.handle, lambda: self.paid, self.restart)


@settings(max_examples=20)
@given(seeds)
def test_a_consumer_that_keeps_the_ids_passes(seed: int) -> None:
    Consumer(remembers=True, keeps=True).prove(example_commands(), seed)


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("remembers", [True, False], ids=["only in memory", "not at all"])
def test_a_consumer_that_does_not_keep_them_is_caught(remembers: bool, seed: int) -> None:
    with pytest.raises(AssertionError, match=r"acted more than once: .* \(\d times\).*keep the command_ids"):
        Consumer(remembers=remembers, keeps=False).prove(example_commands(), seed)


def test_a_consumer_that_loses_a_command_or_makes_one_up_is_caught() -> None:
    records = example_commands()
    lost = command_id_of(records[3])

    with pytest.raises(AssertionError, match=f"acted never: {lost}; acted which were not sent: made-up"):
        Stream(records).prove_once(
            lambda record: None, lambda: ["made-up", *(one for one in map(command_id_of, records) if one != lost)]
        )
