"""The oracle's third part: decisions that are no standing amounts, and what is due on which line."""

from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any

from tests.rules.oracle import DAY, TERMS, Event, Known, Parts, at, half_up, is_a, price
from tests.rules.oracle_chargebacks import Charge, Clauses, chargebacks, outstanding, proceeds, recovered
from tests.rules.oracle_closings import Closed, close, deemed_at

KNOWN_NOTHING: Clauses = frozenset({"6"})


@dataclass
class Line:
    """What is due on a line, why, and which payments may take it (with what they brought in on it), oldest first."""

    due: int = 0
    clauses: Clauses = KNOWN_NOTHING
    payments: list[tuple[str, int]] = field(default_factory=list)
    deposit: int = 0


@dataclass
class Assessed:
    """Everything the rules say as of an instant."""

    decisions: dict[tuple[str, str], tuple[str, Clauses]]
    lines: dict[str, Line]
    charges: list[Charge]
    charged_back: dict[str, int]
    repaid: dict[str, int]
    failures: list[Event]
    owed: int
    owed_clauses: Clauses
    promotion: dict[str, Any] | None
    deadlines: list[int]


def assess(order_id: str, events: list[Event], horizon: int, terms: dict[str, Any] | None = None) -> Assessed | None:
    """What the rules say of these events, deadlines before `horizon` having passed; None: nothing is decided."""
    # "Nothing is decided before `placed` is known."
    if not any(is_a(e, "order.placed") for e in events):
        return None
    known = Known(events, {**TERMS, **(terms or {})})
    closed = close(known)
    charges = chargebacks(known)
    lines = {"purchase": purchase_line(known, closed), **tip_lines(known)}
    lines |= chargeback_lines(known, charges)
    lines |= compensation_line(known, closed, charges, lines["purchase"])
    lines |= brokerage_line(known, closed)
    charged_back: dict[str, int] = {}
    for charge in charges:
        charged_back[charge.payment] = charged_back.get(charge.payment, 0) + charge.amount
    repaid: dict[str, int] = {}
    for e in known.distinct("payment.repayment_received", lambda d: d["repayment_id"]):
        line = e["data"]["line"]
        repaid[line] = repaid.get(line, 0) + e["data"]["amount"]["value"]
    owed = closed.closing.owes if closed.closing else 0
    # The table names 12(4) and 12(5); 12(4) is what the buyer owes by in any case, 12(5) "if a penalty".
    owing = (closed.closing.clauses & {"12(5)"}) | {"12(4)"} if closed.closing else frozenset()
    # "what is repaid there beyond it goes back on that line"; "everything on `owed` cites 12(4)"
    lines["owed"] = Line(max(0, repaid.pop("owed", 0) - owed), frozenset({"12(4)"}))
    owed_left = max(0, owed - sum_repaid(known, "owed"))
    decisions = {**formation(order_id, known, closed), **receipt(order_id, known, horizon)}
    decisions |= rest(order_id, known, closed, charges)
    deemed = deemed_at(known)
    return Assessed(
        decisions,
        lines,
        charges,
        charged_back,
        repaid,
        known.distinct("payment.refund_failed", lambda d: d["command_id"]),
        owed_left,
        frozenset(owing),
        known.order.get("promotion"),
        [deemed] if deemed is not None and deemed >= horizon else [],
    )


def sum_repaid(known: Known, line: str) -> int:
    repayments = known.distinct("payment.repayment_received", lambda d: d["repayment_id"])
    return sum(e["data"]["amount"]["value"] for e in repayments if e["data"]["line"] == line)


# The decisions


def formation(order_id: str, known: Known, closed: Closed) -> dict[tuple[str, str], tuple[str, Clauses]]:
    # "Decision `agreement`: `refused` or `invalid` (1, 5); else `effective`; else, once accepted and with something
    # but less than the quote paid, `short_paid`, whatever closed the order since; else none."
    place = ("agreement", order_id)
    if closed.bar is not None:
        ground = closed.bar.because
        invalid = ground in {"1(1)", "1(2)", "5"}
        return {place: ("invalid" if invalid else "refused", frozenset({ground}))}
    if closed.effective is not None:
        # "Caution categories of 15 (customized, low-reputation seller, no market price) change no money; the
        # effective agreement's decision names them"
        names = {"customized": "15(1)", "low_reputation_seller": "15(3)", "no_market_price": "15(4)"}
        cautions = {names[c] for c in known.order.get("categories") or [] if c in names}
        return {place: ("effective", frozenset({"2"} | cautions))}
    if known.accepted is not None and 0 < known.paid.total < known.quote.total:
        return {place: ("short_paid", frozenset({"2"}))}
    return {}


def receipt(order_id: str, known: Known, horizon: int) -> dict[tuple[str, str], tuple[str, Clauses]]:
    # "Confirmed: `receipt: confirmed`", also where it comes after receipt was deemed confirmed
    if known.confirmed is not None:
        return {("receipt", order_id): ("confirmed", frozenset({"18"}))}
    deemed = deemed_at(known)
    if deemed is not None and deemed < horizon:
        return {("receipt", order_id): ("deemed_confirmed", frozenset({"18"}))}
    return {}


def rest(
    order_id: str, known: Known, closed: Closed, charges: list[Charge]
) -> dict[tuple[str, str], tuple[str, Clauses]]:
    said: dict[tuple[str, str], tuple[str, Clauses]] = {}
    for one in closed.requests:
        said[one.kind, one.ref] = (one.outcome, one.clauses)
    if known.ended is not None:
        said["obligation", order_id] = ("terminated", frozenset({"16"}))
    for objection in known.objections:
        # "`objection: verification_requested`, 17 (scope `package`) or 18 (`quality`); then `verified`, or
        # `redirected_to_logistics` if it was the logistics provider's doing"
        ref, outcome = objection["data"]["objection_id"], "verification_requested"
        if ref in known.verified:
            theirs = known.verified[ref]["data"]["attributable_to"] == "logistics"
            outcome = "redirected_to_logistics" if theirs else "verified"
        clause = "17" if objection["data"]["scope"] == "package" else "18"
        said["objection", ref] = (outcome, frozenset({clause}))
    for charge in charges:
        said["chargeback", charge.id] = (charge.outcome, charge.clauses)
    for tip in known.distinct("payment.tip_paid", lambda d: d["tip_id"]):
        asked = tip_refund_asked(known, tip)
        if asked is not None:
            said["tip_refund", tip["data"]["tip_id"]] = ("agreed" if asked else "refused", frozenset({"21"}))
    for event in known.foreign:
        said["foreign_currency", event["id"]] = ("ignored", KNOWN_NOTHING)
    return said


# The lines


def purchase_line(known: Known, closed: Closed) -> Line:
    payments = [(e["data"]["payment_id"], Parts.of(e["data"]["breakdown"]).total) for e in known.captures]
    if closed.closing is not None:
        # "7, in any closing, if there are third-party fees"
        apart = {"7"} if known.paid.third else set()
        return Line(closed.closing.due, closed.closing.clauses | apart, payments)
    if known.purchase is not None:
        # "once purchased: `surplus(A − Σ seller_refund_received)`, the basis at least 0"
        basis = max(0, price(known.purchase) - known.seller_refunds)
        return Line(known.surplus(basis), frozenset({"6(1)", "10"}), payments)
    return Line(known.above_the_quote, frozenset({"6"}), payments)


def tip_refund_asked(known: Known, tip: Event) -> bool | None:
    """Whether a refund of a tip was asked for in time; None if it wasn't asked for."""
    asked = known.first("order.tip_refund_requested", tip_id=tip["data"]["tip_id"])
    # "A refund request at most `tip_refund_days` after the tip was paid: all of it is due; a later one: refused."
    return None if asked is None else at(asked) <= at(tip) + known.terms["tip_refund_days"] * DAY


def tip_lines(known: Known) -> dict[str, Line]:
    lines = {}
    for tip in known.distinct("payment.tip_paid", lambda d: d["tip_id"]):
        amount = tip["data"]["amount"]["value"]
        # "What is above `tip_limit` is due back at once."
        due = amount if tip_refund_asked(known, tip) else max(0, amount - known.terms["tip_limit"])
        payments = [(tip["data"]["payment_id"], amount)]
        lines[f"tip:{tip['data']['tip_id']}"] = Line(due, frozenset({"21"}), payments)
    return lines


def chargeback_lines(known: Known, charges: list[Charge]) -> dict[str, Line]:
    """ "Paid, recovered and proceeds beyond what is owed: due back on line `chargeback:{id}`"."""
    owed = {one.id: one.amount if one.unjust else 0 for one in charges}
    lines = {f"chargeback:{one}": Line() for one in owed}
    came: dict[str, int] = {}
    for e in outstanding(known):
        one, amount = e["data"]["chargeback_id"], e["data"]["amount"]["value"]
        lines.setdefault(f"chargeback:{one}", Line()).payments.append((e["data"]["payment_id"], amount))
        came[one] = came.get(one, 0) + amount
    for one, amount in recovered(known).items():
        lines.setdefault(f"chargeback:{one}", Line()).deposit = amount
        came[one] = came.get(one, 0) + amount
    for one, amount in proceeds(known).items():
        lines.setdefault(f"chargeback:{one}", Line())
        came[one] = came.get(one, 0) + amount
    # 6 is cited "until something was paid, recovered or sold for it"
    paid_for = {e["data"]["chargeback_id"] for e in outstanding(known)}
    for one, amount in came.items():
        if amount or one in paid_for:
            line = lines[f"chargeback:{one}"]
            line.due, line.clauses = max(0, amount - owed.get(one, 0)), frozenset({"22"})
    return lines


def compensation_line(known: Known, closed: Closed, charges: list[Charge], purchase: Line) -> dict[str, Line]:
    findings = known.distinct("order.provider_fault_found", lambda d: d["finding_id"])
    if not findings:
        return {}
    # "compensation `min(Σ direct_loss, Q.total)`, less what just chargebacks on the purchase gave beyond what was due
    # there"
    just = sum(one.amount for one in charges if one.line == "purchase" and not one.unjust)
    loss = min(sum(e["data"]["direct_loss"]["value"] for e in findings), known.quote.total)
    due = max(0, loss - max(0, just - purchase.due))
    # "24, and 13(7) where the order was dissolved"; 6 "also where findings come to nothing"
    clauses = {"24"}
    if closed.closing is not None and closed.closing.kind == "dissolution":
        clauses.add("13(7)")
    return {"compensation": Line(due, frozenset(clauses) if due else KNOWN_NOTHING)}


def brokerage_line(known: Known, closed: Closed) -> dict[str, Line]:
    promotion = known.order.get("promotion")
    # "Due when an effective order with a promotion was purchased and the obligation ended before any closing"
    if promotion is None or closed.effective is None or known.purchase is None or known.ended is None:
        return {}
    if closed.closing is not None and closed.closing.at <= max(known.ended, at(known.purchases[0])):
        return {}
    goods, all_of_it = known.purchase["data"]["goods"]["value"], price(known.purchase)
    base = goods if promotion["basis"] == "goods" else all_of_it
    fixed = (promotion.get("fixed") or {"value": 0})["value"]
    amount = half_up(Fraction(base * promotion["rate_bps"], 10_000)) + fixed
    return {"brokerage": Line(min(amount, all_of_it), frozenset({"19"}))}
