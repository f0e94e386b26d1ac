"""The bookmark: an order that goes on gets the decisions of one that is read anew, and goes on only if that is sure.

`Order.decided` and `Played.look` decide everything both ways and compare, so each test of the rules that adds a history
in pieces is a test of this, too. Here are the conditions one by one, and random histories mostly in order of time.
"""

import random
from typing import Any

import pytest
from purchasing_contracts.plan import PlanPart

from service.rules import decide as entry
from service.rules.bookmark import Bookmark
from service.rules.clock import Clock, QuarantinedRecord
from service.rules.facts import Fact
from service.rules.ledger import Ledger
from service.rules.terms import TermsBook
from service.rules.timeline import Timeline
from service.rules.unclear import ORDER as ORDER_TOPIC
from service.rules.unclear import PAYMENT, SELLER
from tests.rules import playing
from tests.rules.histories import DAY, ORDER, TERMS, history
from tests.rules.orders import HOUR, Order, amounts, money, terms, when
from tests.rules.second_opinion.differential import book
from tests.rules.second_opinion.histories import History

DEPOSIT_AND_BALANCE = (
    PlanPart(part="deposit", amount=money(40_000)),
    PlanPart(part="balance", amount=money(61_301), due_at=when(10 * DAY)),
)


@pytest.fixture
def read_anew(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The number of facts of each order that was read from the beginning; each decision without a bookmark is one."""
    found: list[int] = []

    class Counted(entry.OrderView):
        def __init__(self, order_id: str, facts: Any, *rest: Any) -> None:
            found.append(len(facts))
            super().__init__(order_id, facts, *rest)

    monkeypatch.setattr(entry, "OrderView", Counted)
    return found


def went_on(order: Order, read_anew: list[int], **clock: Any) -> bool:
    """Whether the order goes on now. It is decided twice, and each time without the bookmark, too."""
    read_anew.clear()
    order.decided(**clock)
    return len(read_anew) == 2


def bought() -> Order:
    order = Order(terms(acceptance_days=3)).placed().decided().accepted().decided().paid().decided()
    return order.bought(at=10 * HOUR).decided()


def test_an_order_received_in_order_of_time_is_read_once(read_anew: list[int]) -> None:
    order = Order().placed().decided()
    for add in (
        order.accepted,
        order.paid,
        order.bought,
        order.received,
        order.delivered,
        order.objects,
        order.verified,
        order.asks_to_dissolve,
        order.seller_dissolves,
        lambda: order.seller_refunds(50_000),
        lambda: order.tipped(500),
    ):
        add()
        assert went_on(order, read_anew), order.facts[-1]
    assert went_on(order, read_anew, at=90 * DAY), "nothing new but the time"


def late(order: Order) -> dict[str, Any]:
    order.cost(700, at=5 * HOUR)
    return {}


def at_the_same_instant(order: Order) -> dict[str, Any]:
    order.received(at=10 * HOUR)
    return {}


def before_a_deadline_that_has_passed(order: Order) -> dict[str, Any]:
    order.delivered(at=11 * HOUR).decided().decided(at=30 * DAY)
    order.objects(at=12 * HOUR)
    return {"at": 30 * DAY}


def after_a_request_was_taken_back(order: Order) -> dict[str, Any]:
    order.asks_to_cancel(at=11 * HOUR).takes_back(at=12 * HOUR).decided().received(at=13 * HOUR)
    return {}


def behind_the_watermark(_: Order) -> dict[str, Any]:
    return {"watermark": 9 * HOUR}


def beside_a_quarantined_record(_: Order) -> dict[str, Any]:
    return {"quarantined": (PAYMENT,)}


def with_an_amount_that_cannot_be_read(order: Order) -> dict[str, Any]:
    order.seller_refunds(1_000)
    last = order.facts[-1]
    data = last.data.model_copy(update={"amount": money(1_000, "USD")})
    order.facts[-1] = Fact(last.at, last.source, last.id, data, "USD")
    return {}


def after_an_import_of_terms(order: Order) -> dict[str, Any]:
    order.book = TermsBook.of(*order.book.sets)
    return {}


def with_a_purchase_reported_again(order: Order) -> dict[str, Any]:
    order.bought(goods=90_000)
    return {}


@pytest.mark.parametrize(
    "happens",
    [
        late,
        at_the_same_instant,
        before_a_deadline_that_has_passed,
        after_a_request_was_taken_back,
        behind_the_watermark,
        beside_a_quarantined_record,
        with_an_amount_that_cannot_be_read,
        after_an_import_of_terms,
        with_a_purchase_reported_again,
    ],
)
def test_an_order_whose_past_may_change_is_read_anew(happens: Any, read_anew: list[int]) -> None:
    order = bought()
    clock = happens(order)
    assert not went_on(order, read_anew, **clock)


def test_an_order_goes_on_again_after_it_was_read_anew(read_anew: list[int]) -> None:
    order = bought().cost(700, at=5 * HOUR).decided().received(at=11 * HOUR)
    assert went_on(order, read_anew)


def test_an_order_with_a_skipped_deadline_is_read_anew(read_anew: list[int]) -> None:
    """The order was placed, its acceptance period passed before the payment, and only then is the input read so far."""
    order = Order(terms(acceptance_days=1)).placed().paid(at=9 * DAY).decided(watermark=0)
    assert not went_on(order, read_anew, at=9 * DAY)


def test_an_order_is_read_anew_while_a_deadline_that_fired_may_be_unread(read_anew: list[int]) -> None:
    """A later fact could set that deadline again, with which the watermark rises (decision 0111)."""
    order = Order(terms(acceptance_days=1, period_counting="hours")).placed()
    order.decided(at=40 * HOUR, watermark=25 * HOUR).cost(5, at=HOUR).decided(at=41 * HOUR, watermark=26 * HOUR)
    assert not went_on(order.cost(7, "cost-2", at=42 * HOUR), read_anew, watermark=27 * HOUR)
    order.cost(9, "cost-3", at=43 * HOUR).decided()
    assert went_on(order.cost(11, "cost-4", at=44 * HOUR), read_anew)


def test_an_order_is_read_anew_if_a_deadline_that_did_not_stand_may_stand(read_anew: list[int]) -> None:
    """The balance is due when the agreement is not effective yet. A late payment makes it effective before that."""
    order = Order().placed(payment_plan=DEPOSIT_AND_BALANCE).accepted().decided(at=30 * DAY)
    order.paid(amounts(40_000, 0, 0), at=5 * DAY)
    assert not went_on(order, read_anew, at=30 * DAY)


def test_an_order_is_read_anew_if_a_payment_cannot_be_read(read_anew: list[int]) -> None:
    """It may be the balance whose absence ended the order."""
    order = Order().placed(payment_plan=DEPOSIT_AND_BALANCE).accepted().paid(amounts(40_000, 0, 0)).decided()
    assert order.decided(at=11 * DAY).stands("closing")[0] == "balance_unpaid"
    order.paid(amounts(9_000, 0, 0, currency="USD"), "pay-2", at=12 * DAY)
    assert not went_on(order, read_anew)
    assert order.stands("closing")[0] == "superseded"


@pytest.mark.parametrize(("before", "now"), [((), (SELLER,)), ((SELLER,), ())], ids=["unclear", "clear again"])
def test_an_order_is_read_anew_if_it_becomes(before: Any, now: Any, read_anew: list[int]) -> None:
    order = Order().placed().accepted().paid().asks_to_cancel(at=5 * HOUR).decided(quarantined=before)
    assert not went_on(order, read_anew, quarantined=now)


def test_facts_of_a_batch_that_was_rolled_back_leave_nothing(read_anew: list[int]) -> None:
    order = bought()
    ledger = order.ledger
    order.received(at=11 * HOUR).decided()
    order.facts.pop()
    order.ledger = ledger
    order.unavailable(at=12 * HOUR)
    assert not went_on(order, read_anew)


def test_an_order_that_the_rules_could_not_decide_is_read_anew(
    read_anew: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A clause that raises while the timeline goes on must leave nothing of it behind."""
    order = bought().received(at=11 * HOUR)
    with monkeypatch.context() as patched:
        patched.setattr(Timeline, "_end_instant", lambda _: 1 / 0)
        clock = Clock(order.facts[-1].at, order.facts[-1].at)
        with pytest.raises(ZeroDivisionError):
            entry.decide(order.order_id, order.facts, order.ledger, order.book, clock, order.bookmark)
    assert not went_on(order, read_anew)


SEEDS = 120


def random_story(rng: random.Random, seed: int) -> tuple[list[Fact[Any]], TermsBook]:
    """An order's facts as they arrive, mostly in order of time, and its terms; by one or the other generator."""
    if seed % 2:
        events, declared = history(rng), playing.book(rng.choice(TERMS))
    else:
        story = History(seed)
        events, declared = [event for event in story.events if "quarantined" not in event], book(story.sets)
    facts = list({(one.source, one.id): one for one in map(playing.fact, events)}.values())
    if rng.random() < 0.75:
        facts.sort(key=lambda one: one.key)
    if rng.random() < 0.4:
        facts.insert(rng.randrange(len(facts)), facts.pop(rng.randrange(len(facts))))
    return facts, declared


def random_clock(rng: random.Random, last: Clock, latest: int) -> Clock:
    """A clock for facts up to `latest`: the input read so far, further, less far, or as before; at times a record."""
    watermark = rng.choice((latest, latest, latest + 1, max(latest, last.watermark), last.watermark, latest - HOUR))
    if rng.random() < 0.15:
        watermark = latest + rng.randrange(1, 60) * DAY
    records = last.quarantined if rng.random() < 0.7 else ()
    if rng.random() < 0.04:
        records = (QuarantinedRecord(rng.choice((ORDER_TOPIC, PAYMENT)), latest),)
    return Clock(max(latest, watermark), watermark, records)


def outcome(*asked: Any) -> Any:
    """The ruling; the error of an order whose currency changed, which people have to resolve."""
    try:
        return entry.decide(*asked)
    except entry.CurrencyChangedError as error:
        return str(error)


@pytest.mark.parametrize("first", range(0, SEEDS, SEEDS // 4))
def test_random_orders_are_decided_alike_with_and_without(first: int, read_anew: list[int]) -> None:
    decided = 0
    for seed in range(first, first + SEEDS // 4):
        rng = random.Random(seed)
        arriving, declared = random_story(rng, seed)
        bookmark, ledger, clock, facts = Bookmark(), Ledger.EMPTY, Clock(0, 0), list[Fact[Any]]()
        while arriving or rng.random() < 0.7:
            batch, arriving = arriving[:1], arriving[1:]
            if rng.random() < 0.3:
                batch, arriving = batch + arriving[:2], arriving[2:]
            facts = sorted(facts + batch, key=lambda one: one.key)
            clock = random_clock(rng, clock, facts[-1].at)
            ruling = outcome(ORDER, facts, ledger, declared, clock)
            assert outcome(ORDER, facts, ledger, declared, clock, bookmark) == ruling, seed
            if isinstance(ruling, str):
                break
            decided, ledger = decided + 1, ruling.ledger
    # Read anew: once without the bookmark, and not much more than every second time with it.
    assert decided < len(read_anew) < 1.7 * decided
