"""The oracle's second part: what closes an order, request by request (rules.md, "What closes an order")."""

from typing import Any, NamedTuple

from tests.rules.oracle import (
    DAY,
    NEVER,
    Closing,
    Event,
    Known,
    at,
    barring,
    is_a,
    micros,
    price,
    would_be_effective,
)


class Judged(NamedTuple):
    """A request, judged on its own facts; what it would close the order with, if it would."""

    kind: str
    ref: str
    outcome: str
    clauses: frozenset[str]
    closing: Closing | None = None


def cancelled(known: Known, request: Event, answer: Event | None, purchase: Event | None) -> Closing:
    """What an agreed cancellation leaves due."""
    paid = known.paid
    quoted = known.quote.goods + known.quote.shipping
    basis = quoted if purchase is None else price(purchase)
    # "the last term only if the terms keep the fee"
    kept = 0 if known.terms["refund_fee_on_cancellation"] else min(paid.fee, known.fee(basis))
    penalty = deposit = 0
    if answer is not None and purchase is not None:
        penalty = (answer["data"].get("penalty") or {"value": 0})["value"]
        deposit = (purchase["data"].get("deposit") or {"value": 0})["value"]
    left = paid.refundable - kept - known.costs - penalty
    # "A deposit takes at most the money there is (15(2) only keeps it)."
    taken = min(deposit, max(0, left))
    clauses = {"12(1)A" if purchase is None else "12(1)B"}
    # "Clauses are cited only where they took effect: 12(3) if a fee was kept, 12(4) if there were costs, 12(5) if a
    # penalty, 15(2) if a deposit"
    clauses |= {"12(3)"} if kept else set()
    clauses |= {"12(4)"} if known.costs else set()
    clauses |= {"12(5)"} if penalty else set()
    clauses |= {"15(2)"} if deposit else set()
    # "An answer works from its own time or the request's, whichever is later."
    since = at(request) if answer is None else max(at(request), at(answer))
    rank, ref = (3 if purchase is None else 4), request["data"]["request_id"]
    return Closing(since, rank, ref, "cancellation", max(0, left) - taken, frozenset(clauses), max(0, -left))


def judge_cancellation(known: Known, request: Event, effective: int | None) -> Judged:
    """ "Cancellation requests (12), in this order"."""
    ref, asked = request["data"]["request_id"], at(request)

    def judged(outcome: str, *clauses: str, closing: Closing | None = None) -> Judged:
        return Judged("cancellation", ref, outcome, frozenset(clauses), closing)

    # 1. "`channel` is not `platform` → refused, 12(2)."
    if request["data"]["channel"] != "platform":
        return judged("refused", "12(2)")
    # 2. "Before the order was effective (or it never was) → withdrawn, 2."
    if effective is None or asked < effective:
        closing = Closing(asked, 2, ref, "cancellation", known.paid.refundable, frozenset({"2"}))
        return judged("withdrawn", "2", closing=closing)
    # 3. "After `cancellation_deadline` → refused, 12(2)."
    deadline = known.order.get("cancellation_deadline")
    if deadline is not None and asked > micros(deadline):
        return judged("refused", "12(2)")
    # 6. "From the moment the obligation ended the provider only passes the request on: 16 is cited as well."
    passed_on = ["16"] if known.ended is not None and asked >= known.ended else []
    # 4. "Not purchased as of the request → agreed at the request. Purchased → the seller's first answer to this
    # request"
    purchase, answer = known.purchase_as_of(asked), None
    if purchase is not None:
        answer = known.first("seller.cancellation_agreed", "seller.cancellation_refused", request_id=ref)
        if answer is not None and is_a(answer, "seller.cancellation_refused"):
            damaged = ["12(6)"] if answer["data"]["reason"] == "damaged_in_return" else []
            return judged("refused", "12(1)B", *damaged, *passed_on)
    pending = purchase is not None and answer is None
    closing = cancelled(known, request, answer, purchase)
    # 5. "refused after all if export customs was cleared at or before it took effect (a pending one: at any time),
    # 12(7), or if by then a `package` objection was raised and verified as the logistics provider's doing, 17."
    by = NEVER if pending else closing.at
    if known.cleared is not None and at(known.cleared) <= by:
        return judged("refused", "12(7)")
    if known.logistics_at_fault(by):
        return judged("refused", "17")
    if pending:
        return judged("pending", "12(1)B", *passed_on)
    return judged("agreed", *closing.clauses, *passed_on, closing=closing)


def confirmed_before(known: Known, asked: int) -> bool:
    # "Receipt was confirmed at or before the request, or deemed confirmed before it"
    if known.confirmed is not None and at(known.confirmed) <= asked:
        return True
    deemed = deemed_at(known)
    return deemed is not None and deemed < asked


def deemed_at(known: Known) -> int | None:
    """The last instant after which receipt is deemed confirmed, if it is."""
    if known.delivered is None:
        return None
    # "Delivery, then `max(deemed_confirmation_days, dissolution_period_days)`"
    days = max(known.terms["deemed_confirmation_days"], known.order.get("dissolution_period_days") or 0)
    last = known.delivered + int(days) * DAY
    # "with no objection or dissolution request from delivery to the last instant (here every such message counts,
    # also one that repeats an earlier id) and no confirmation by then"
    for event in known.events:
        within = known.delivered <= at(event) <= last
        if within and is_a(event, "order.objection_raised", "order.dissolution_requested"):
            return None
    return None if known.confirmed is not None and at(known.confirmed) <= last else last


def judge_dissolution(known: Known, request: Event, effective: int | None) -> Judged:
    """ "Dissolution requests (13), in this order"."""
    data, asked = request["data"], at(request)

    def judged(outcome: str, clause: str, closing: Closing | None = None) -> Judged:
        return Judged("dissolution", data["request_id"], outcome, frozenset({clause}), closing)

    refused_by = dissolution_refusal(known, data, asked, effective)
    if refused_by is not None:
        return judged("refused", refused_by)
    # 6. "The seller's first answer to this request: refused → refused, 13(4); agreed → agreed, 13(5); none → pending,
    # 13(4)."
    answer = known.first("seller.dissolution_agreed", "seller.dissolution_refused", request_id=data["request_id"])
    if answer is not None and is_a(answer, "seller.dissolution_refused"):
        return judged("refused", "13(4)")
    by = NEVER if answer is None else max(at(answer), asked)
    # 7. "An agreed or pending one is refused after all if by the time it took effect (pending: at any time) ... 17."
    if known.logistics_at_fault(by):
        return judged("refused", "17")
    if answer is None:
        return judged("pending", "13(4)")
    # "`surplus(A) + Σ seller_refund_received`, in full (while no purchase is known: what was collected above the
    # quote, and those refunds)"
    kept_apart = known.above_the_quote if known.purchase is None else known.surplus(price(known.purchase))
    closing = Closing(
        by,
        5,
        data["request_id"],
        "dissolution",
        kept_apart + known.seller_refunds,
        frozenset({"13(5)", "13(6)"}),
    )
    return judged("agreed", "13(5)", closing)


def dissolution_refusal(known: Known, data: dict[str, Any], asked: int, effective: int | None) -> str | None:
    """The clause by which a dissolution is refused before the seller is asked, steps 1 to 5."""
    if effective is None or asked < effective:
        return "2"
    if not data["inspected"] or not data["evidence"]:
        return "13(1)"
    # 3. "Later than `dissolution_period_days` after delivery to the buyer. No period named or nothing delivered: no
    # limit."
    days = known.order.get("dissolution_period_days")
    if days is not None and known.delivered is not None and asked > known.delivered + days * DAY:
        return "13(2)"
    if data["ground"] in (known.order.get("disclosed_issues") or []):
        return "13(3)"
    return "18" if confirmed_before(known, asked) else None


class Closed(NamedTuple):
    """How an order stands: since when it is effective, what closed it, and what became of the requests."""

    effective: int | None
    bar: Closing | None
    closing: Closing | None
    requests: list[Judged]


def others(known: Known, effective: int | None) -> tuple[list[Closing], list[Judged]]:
    """The closings besides refusal and "can't be reached", and the requests, for an order effective since then."""
    requests = [
        judge_cancellation(known, e, effective)
        for e in known.distinct("order.cancellation_requested", lambda d: d["request_id"])
    ]
    requests += [
        judge_dissolution(known, e, effective)
        for e in known.distinct("order.dissolution_requested", lambda d: d["request_id"])
    ]
    closings = [one.closing for one in requests if one.closing is not None]
    if known.unavailable is not None:
        # "the same without costs: nothing was sold, so the fee's basis is zero"
        since, due = at(known.unavailable), known.paid.refundable
        closings.append(Closing(since, 1, "", "unavailable", due, frozenset({"9", "10"})))
    return closings, requests


def close(known: Known) -> Closed:
    """Which closing wins, and what that makes of the requests."""
    would_be = would_be_effective(known)
    bar = barring(known)
    closings, requests = others(known, would_be)
    # "neither after another closing, for everything, requests included"
    if bar is not None and any(one.at < bar.at for one in closings):
        bar = None
    judged_effective = would_be
    if bar is not None:
        # "for that, the order counts as effective from that moment even if a request or unavailability closed it
        # before; only refusal and "can't be reached" count"
        judged_effective = None if would_be is None or bar.at <= would_be else would_be
        closings, requests = others(known, judged_effective)
        closings.append(bar)
    # "Then the closing with the earliest effective time wins (a tie: in the order of this table, then by
    # `request_id`)"
    closing = min(closings, key=lambda one: one[:3], default=None)
    effective = judged_effective
    if effective is not None:
        # "unless by then it can't be reached, was refused, became unavailable or was withdrawn (2)"
        gone = known.unavailable is not None and at(known.unavailable) <= effective
        if gone or any(one.outcome == "withdrawn" for one in requests):
            effective = None
    return Closed(effective, bar, closing, [mooted(one, closing) for one in requests])


def mooted(one: Judged, closing: Closing | None) -> Judged:
    # "every other agreed, pending or withdrawn request becomes `moot` and cites the clauses of the closing"
    if closing is None or one.outcome == "refused" or (one.kind, one.ref) == (closing.kind, closing.ref):
        return one
    return one._replace(outcome="moot", clauses=closing.clauses)
