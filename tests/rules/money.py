"""The sums of an order's outputs, whatever the way that led there."""

from dataclasses import dataclass

from service.rules.clock import Clock
from service.rules.decide import Examination, examine
from service.rules.ledger import Ledger
from tests.rules.playing import Played

OF_THE_FACTS = ("order_amount", "buyer_owes", "seller_excess", "third_party_fees", "foreign_currency")
"""The standing amounts that don't depend on the clock, nor on when a fact was received."""
OF_THE_CLOCK = (
    "payment_demand",
    "retained_goods",
    "refund_withheld",
    "repayment_demand",
    "refund_undeliverable",
    "brokerage_withheld",
    "hold",
)


def examined(played: Played) -> Examination | None:
    """The order as the rules examine it now."""
    facts = sorted(played.facts.values(), key=lambda one: one.key)
    clock = Clock(played.clock, played.clock, tuple(played.records))
    return examine(played.order_id, facts, played.ledger, played.terms, clock)


def money(played: Played) -> dict[str, int]:
    """Per line: commanded + refunded elsewhere − failed − demanded back + withheld, as published.

    What was set off, and a renewed claim on the line of a chargeback, count as demanded back.
    """
    found = examined(played)
    return {} if found is None else money_of(found)


def money_of(found: Examination) -> dict[str, int]:
    """The same of an examination."""
    lines = {}
    for one in found.reconciled.balances:
        line = one.due.line
        not_demanded = max(0, one.out - one.gross) - one.demanded
        back = not_demanded + _published(found.ledger, "repayment_demand", line)
        withheld = _published(found.ledger, "refund_withheld", line)
        lines[line] = one.commanded + one.elsewhere - one.failed - back + withheld
    return {line: amount for line, amount in lines.items() if amount}


def _published(ledger: Ledger, kind: str, line: str) -> int:
    standing = ledger.standing.get((kind, line))
    return 0 if standing is None else standing.amount or 0


@dataclass(frozen=True)
class End:
    """The result that has to be the same for every order of arrival (docs/rules.md, "Same set, same result")."""

    money: dict[str, int]
    decisions: dict[tuple[str, str], tuple[str, str | None]]
    amounts: dict[tuple[str, str], int]


def end_of(played: Played) -> End:
    """The result of an order."""
    standing = played.ledger.standing.items()
    return End(
        money(played),
        {
            key: (one.outcome, one.ground)
            for key, one in standing
            if key[0] not in (*OF_THE_FACTS, *OF_THE_CLOCK) and one.outcome != "superseded"
        },
        {key: one.amount for key, one in standing if key[0] in OF_THE_FACTS and one.amount},
    )
