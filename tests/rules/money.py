"""What the outputs of an order come to, line by line, whatever the way that led there."""

from collections import defaultdict

from purchasing_contracts.events.order import OrderPlaced
from purchasing_contracts.events.payment import RefundFailed

from tests.rules.playing import Played


def standing(played: Played, kind: str, line: str) -> int:
    one = played.ledger.standing.get((kind, line))
    return 0 if one is None else one.amount or 0


def failed(played: Played, line: str) -> int:
    """What failed on payments, at most what was commanded on them."""
    facts = sorted(played.facts.values(), key=lambda one: one.key)
    currency = next((one.currency for one in facts if isinstance(one.data, OrderPlaced)), None)
    counted: set[str] = set()
    per_payment: dict[str, int] = defaultdict(int)
    for one in facts:
        data = one.data
        if isinstance(data, RefundFailed) and one.currency == currency and data.command_id not in counted:
            counted.add(data.command_id)
            if data.line == line and data.payment_id is not None:
                per_payment[data.payment_id] += data.amount.value
    totals = played.ledger.lines[line].by_payment
    return sum(min(amount, totals.get(payment, 0)) for payment, amount in per_payment.items())


def money(played: Played) -> dict[str, int]:
    """Per line: commanded − failed − demanded back + withheld."""
    lines = {*played.ledger.lines, *(ref for kind, ref in played.ledger.standing if kind == "refund_withheld")}
    found = {}
    for line in lines:
        commanded = played.ledger.lines[line].commanded if line in played.ledger.lines else 0
        back = standing(played, "repayment_demand", line) - standing(played, "refund_withheld", line)
        if line == "brokerage":
            # Without a promotion it can't be commanded again; people give it back (rules.md, "Where a refund goes").
            back -= standing(played, "refund_undeliverable", line)
        elif line in played.ledger.lines:
            back += failed(played, line)
        found[line] = commanded - back
    if "brokerage" not in lines:
        found["brokerage"] = standing(played, "refund_undeliverable", "brokerage")
    return {line: amount for line, amount in found.items() if amount}
