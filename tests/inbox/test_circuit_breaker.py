"""The circuit breaker of a topic: when it opens, which records count, and how workers share it."""

import asyncio

import pytest

from service.inbox.circuit_breaker import BreakerLimits, CircuitBreakers, Window
from service.orders.batch_result import BatchResult, Rejection
from service.store.errors import StoreUnavailableError
from service.store.operators.breakers import OpenBreaker
from tests.orders.stories import record
from tests.rules.happenings import when
from tests.waiting import HANG_SECONDS

GOOD, BAD = False, True
ORDER, PAYMENT = "purchasing.events.order.v1", "purchasing.events.payment.v1"
SMALL = BreakerLimits(share=0.5, records=10, at_least=4)


class Table:
    """Circuit breakers kept in memory, for several workers."""

    def __init__(self) -> None:
        self.rows: dict[str, OpenBreaker] = {}
        self.away = False

    async def list_open(self) -> list[OpenBreaker]:
        if self.away:
            raise StoreUnavailableError("away")
        return list(self.rows.values())

    async def open(self, topic: str, bad: int, records: int) -> None:
        if self.away:
            raise StoreUnavailableError("away")
        self.rows.setdefault(topic, OpenBreaker(topic, when(0), bad, records))


@pytest.fixture
def table() -> Table:
    return Table()


def batch(*bad: bool, topic: str = ORDER):
    """Records of a topic and what became of them."""
    inbound_records = [record(b"{", topic=topic) for _ in bad]
    refused = [Rejection(a, a.decoded) for a, is_bad in zip(inbound_records, bad, strict=True) if is_bad]
    return inbound_records, BatchResult(quarantined=tuple(refused))


@pytest.mark.parametrize(
    ("records", "tripped"),
    [
        ([BAD] * 99, None),
        ([BAD] * 100, (100, 100)),
        ([GOOD] * 50 + [BAD] * 50, None),
        ([GOOD] * 50 + [BAD] * 51, (51, 101)),
        ([GOOD] * 10_000 + [BAD] * 250, None),
        ([GOOD] * 10_000 + [BAD] * 251, (251, 500)),
        ([GOOD] * 100 + [BAD] * 100 + [GOOD] * 500 + [BAD] * 250, None),
    ],
    ids=["too few", "all bad", "just half", "more than half", "half of the last", "more of the last", "forgotten"],
)
def test_more_than_half_of_the_last_500_and_at_least_100_is_too_much(records, tripped):
    assert Window(BreakerLimits()).take(records) == tripped
    window = Window(BreakerLimits())
    assert next((found for one in records if (found := window.take([one]))), None) == tripped


def test_a_burst_within_a_batch_opens_it_although_the_batch_ends_well(table):
    breakers = CircuitBreakers(table, SMALL)
    breakers.count(*batch(*[GOOD] * 2, *[BAD] * 6, *[GOOD] * 10))
    assert breakers.open_topics == {ORDER}


def test_each_topic_has_a_breaker_of_its_own(table):
    breakers, told = CircuitBreakers(table, SMALL), []
    breakers.changed = lambda: told.append(breakers.open_topics)
    inbound_records, handled = batch(*[GOOD] * 9)
    bad, newly_quarantined = batch(*[BAD] * 5, topic=PAYMENT)
    breakers.count([*inbound_records, *bad], handled.and_then(newly_quarantined))
    assert told == [{PAYMENT}]


def test_a_topic_read_again_does_not_opens_it(table):
    breakers = CircuitBreakers(table, SMALL)
    inbound_records, _ = batch(*[BAD] * 9)
    # What was quarantined before is refused once more and not quarantined once more.
    breakers.count(inbound_records, BatchResult())
    assert breakers.open_topics == frozenset()


async def test_all_workers_see_an_open_breaker_even_one_that_starts_later(table):
    one, other = CircuitBreakers(table, SMALL), CircuitBreakers(table, SMALL)
    one.count(*batch(*[BAD] * 9))
    await one.look()
    await other.look()
    later = CircuitBreakers(table, SMALL)
    await later.look()
    assert one.open_topics == other.open_topics == later.open_topics == {ORDER}
    assert table.rows[ORDER][2:] == (4, 4)


async def test_a_reset_lets_all_read_on_and_counts_from_nothing(table):
    one, other = CircuitBreakers(table, SMALL), CircuitBreakers(table, SMALL)
    one.count(*batch(*[BAD] * 9))
    await one.look()
    await other.look()
    table.rows.clear()
    await one.look()
    await other.look()
    assert one.open_topics == other.open_topics == frozenset()
    one.count(*batch(*[BAD] * 3))
    assert one.open_topics == frozenset()
    one.count(*batch(BAD))
    assert one.open_topics == {ORDER}


async def test_a_database_that_is_away_loses_no_open_breaker(table):
    breakers, stopping = CircuitBreakers(table, SMALL), asyncio.Event()
    table.away = True
    running = asyncio.create_task(breakers.run(stopping, every=0.01))
    breakers.count(*batch(*[BAD] * 9))
    with pytest.raises(StoreUnavailableError):
        await breakers.look()
    assert breakers.open_topics == {ORDER}
    table.away = False
    async with asyncio.timeout(HANG_SECONDS):
        while ORDER not in table.rows:  # noqa: ASYNC110 - the task tries it again
            await asyncio.sleep(0.01)
    stopping.set()
    await running
    assert breakers.open_topics == {ORDER}
