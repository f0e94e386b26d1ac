"""Random histories of an order, over all types of message, made likely what the rules make interesting.

A history is a list of CloudEvents as plain JSON values. Instants lie on a coarse grid and on the deadlines of what
happened before (± 1 µs), so that ties and last instants occur; identifiers come from small pools, so that facts repeat
and contradict each other.
`history` draws from a `random.Random` (long seeded runs); `histories` is the same as a Hypothesis strategy.
"""

import random
from datetime import datetime
from typing import Any

from hypothesis import strategies as st

from tests.rules.happenstance import DAY, HOUR, MAKERS, ORDER, Event, Story

__all__ = ["DAY", "ORDER", "TERMS", "Event", "histories", "history", "in_any_order"]

# What a history is about: mostly messages of one subject meet, so that they matter to each other.
SUBJECTS: tuple[tuple[str, ...], ...] = (
    (
        "order.cancellation_requested",
        "order.cancellation_requested",
        "seller.cancellation_agreed",
        "seller.cancellation_refused",
        "seller.purchase_confirmed",
        "warehouse.cost_incurred",
        "order.refused",
        "seller.purchase_unavailable",
        "warehouse.customs_cleared",
        "payment.captured",
        "order.quote_revised",
        "order.request_withdrawn",
        "payment.seller_refund_received",
    ),
    (
        "order.dissolution_requested",
        "order.dissolution_requested",
        "seller.dissolution_agreed",
        "seller.dissolution_refused",
        "payment.seller_refund_received",
        "warehouse.package_delivered",
        "warehouse.goods_received",
        "order.receipt_confirmed",
        "order.objection_raised",
        "warehouse.objection_verified",
        "order.cancellation_requested",
        "order.objection_withdrawn",
        "order.issue_disclosed",
        "order.request_withdrawn",
        "order.excess_approved",
        "seller.purchase_confirmed",
        "seller.purchase_unavailable",
        "warehouse.cost_incurred",
    ),
    (
        "chargeback.opened",
        "chargeback.opened",
        "chargeback.opened",
        "chargeback.closed",
        "chargeback.closed",
        "chargeback.reassessed",
        "order.buyer_breach_found",
        "payment.freeze_refused",
        "payment.outstanding_paid",
        "payment.outstanding_paid",
        "payment.deposit_deducted",
        "payment.deposit_insufficient",
        "warehouse.goods_disposed",
        "payment.tip_paid",
        "order.cancellation_requested",
        "payment.captured",
        "warehouse.goods_received",
    ),
    (
        "payment.repayment_received",
        "payment.repayment_received",
        "payment.refund_failed",
        "payment.refund_failed",
        "order.cancellation_requested",
        "seller.purchase_confirmed",
        "warehouse.cost_incurred",
        "chargeback.opened",
        "seller.cancellation_agreed",
        "payment.tip_paid",
        "payment.captured",
        "order.provider_fault_found",
        "payment.refunded_elsewhere",
        "order.buyer_breach_found",
        "payment.refund_succeeded",
    ),
    (
        "payment.tip_paid",
        "order.tip_refund_requested",
        "chargeback.opened",
        "payment.outstanding_paid",
        "payment.refund_failed",
        "payment.repayment_received",
        "order.provider_fault_found",
        "warehouse.goods_received",
        "seller.purchase_confirmed",
        "payment.funds_deducted",
        "payment.funds_insufficient",
        "payment.transfer_failed",
    ),
    (
        "order.quote_revised",
        "order.quote_revised",
        "seller.purchase_confirmed",
        "seller.purchase_confirmed",
        "seller.purchase_unavailable",
        "order.cancellation_requested",
        "seller.cancellation_agreed",
        "warehouse.goods_received",
        "payment.captured",
        "payment.seller_refund_received",
    ),
)
# How a history may go on after the usual opening: far enough into a subject that what follows matters.
SPINES: tuple[tuple[str, ...], ...] = (
    (),
    (),
    (),
    ("seller.purchase_confirmed",),
    ("seller.purchase_confirmed", "order.cancellation_requested", "seller.cancellation_agreed"),
    ("seller.purchase_confirmed", "warehouse.goods_received", "chargeback.opened", "payment.deposit_insufficient"),
    ("seller.purchase_confirmed", "chargeback.opened", "payment.outstanding_paid", "warehouse.goods_disposed"),
    ("chargeback.opened", "order.cancellation_requested", "chargeback.closed"),
    ("order.cancellation_requested", "payment.refund_failed", "payment.repayment_received"),
    ("warehouse.cost_incurred", "order.cancellation_requested", "payment.repayment_received"),
    ("warehouse.package_delivered", "order.dissolution_requested", "seller.dissolution_agreed"),
    ("seller.purchase_confirmed", "order.dissolution_requested", "order.provider_fault_found"),
    ("seller.purchase_confirmed", "warehouse.goods_received", "order.cancellation_requested"),
    ("payment.tip_paid", "order.tip_refund_requested", "chargeback.opened"),
    ("order.cancellation_requested", "seller.purchase_confirmed"),
    ("order.objection_raised", "order.dissolution_requested", "warehouse.objection_verified"),
)
EVERYTHING = (
    *MAKERS,
    "order.refused",
    "order.receipt_confirmed",
    "order.tip_refund_requested",
    "warehouse.customs_cleared",
    "seller.purchase_unavailable",
    "seller.dissolution_refused",
    "seller.dissolution_agreed",
    "order.request_withdrawn",
    "order.objection_withdrawn",
    "order.issue_disclosed",
    "order.excess_approved",
    "payment.refund_succeeded",
)


def history(rng: random.Random, most: int = 18) -> list[Event]:
    """A history of 3 to `most` events, in the order in which they happened, more or less: see `in_any_order`."""
    story = Story(rng)
    story.steady = story.likely(0.8)
    for kind in ("order.placed", "order.accepted", "payment.captured"):
        if story.likely(0.93):
            usual = story.likely(0.9)
            story.add(kind, story.any_data(kind), story.now if usual else None)
            story.now += HOUR
    story.steady = True
    for kind in rng.choice(SPINES):
        story.add(kind, story.any_data(kind))
    story.steady = story.likely(0.4)
    subject = rng.choice(SUBJECTS)
    for _ in range(rng.randint(1, max(1, most - 1 - len(story.events)))):
        pool = subject if story.likely(0.75) else EVERYTHING
        kind = rng.choice(pool)
        story.add(kind, story.any_data(kind))
        if story.likely(0.04):
            story.events.append(rng.choice(story.events))
    return story.events


def in_any_order(rng: random.Random, events: list[Event]) -> list[Event]:
    """The same events in an order in which they might be received: by time, as made, or any."""
    roll = rng.random()
    if roll < 0.4:
        return sorted(events, key=lambda e: datetime.fromisoformat(e["time"]))
    return rng.sample(events, len(events)) if roll < 0.8 else list(events)


TERMS: tuple[dict[str, Any], ...] = (
    {},
    {},
    {},
    {"refund_fee_on_cancellation": True, "refuse_prohibited": False},
    {"service_fee_rate": "0.0255", "tip_limit": 1_000, "tip_refund_days": 31},
    {"payment_demand_days": 5, "deemed_confirmation_days": 7},
    {"acceptance_days": 2, "claim_floor": 1_000, "period_counting": "hours"},
)
"""Terms that differ from the agreement's, as the platform might set them."""


def histories(most: int = 18) -> st.SearchStrategy[list[Event]]:
    """The same as a Hypothesis strategy: half as random as they come, half such that Hypothesis can shrink them."""
    seeded = st.integers(0, 2**40).map(random.Random)
    return (seeded | st.randoms(use_true_random=False)).map(lambda rng: history(rng, most))
