"""Histories of orders, written in tests as a person would describe them.

    order = Order().placed().accepted().paid().asks_to_cancel().decided()
    assert order.refunds == [("purchase", 101_200, "pay-1")]

Each call adds a fact that was received; `at` is when it happened, else an hour after the fact added before. Instants
are microseconds since the order was placed in the usual story, money is minor units of CNY. `decided()` publishes what
is due by then, so with a `decided()` between them, facts are received in several batches.
"""

from typing import Any, Self

from purchasing_contracts.commands.brokerage_transfer import BrokerageTransfer
from purchasing_contracts.commands.deduction import DeductionExecute
from purchasing_contracts.commands.freeze import FreezePlace, FreezeRelease
from purchasing_contracts.commands.refund import RefundIssue
from purchasing_contracts.decisions import DecisionMade
from purchasing_contracts.money import currency_of
from purchasing_contracts.privacy import masked

from service.rules.bookmark import Bookmark
from service.rules.clock import Clock, QuarantinedRecord
from service.rules.decide import Examination, Ruling, decide, examine
from service.rules.facts import DAY, Fact, micros
from service.rules.ledger import Ledger, Output
from service.rules.terms import TermsBook, TermsSet
from tests.rules.happenings import HOUR, QUOTE, START, Happenings, amounts, lamp, money, when

__all__ = ["DAY", "HOUR", "QUOTE", "Order", "amounts", "lamp", "money", "terms", "when"]


def terms(provider: str = "*", since: int = -365 * DAY, version: str = "declared", **values: object) -> TermsSet:
    """Return what a provider (`*`: the platform) declared, in force since an instant of the story."""
    return TermsSet(version=version, provider_id=provider, effective_from=START + since, values=tuple(values.items()))


class Order(Happenings):
    """One order's history, and what was published for it."""

    def __init__(self, *sets: TermsSet, order_id: str = "ord-1") -> None:
        self.order_id = order_id
        self.book = TermsBook.of(*sets)
        self.facts: list[Fact[Any]] = []
        self.ledger = Ledger.EMPTY
        self.outputs: list[Output] = []
        self.due_at: int | None = None
        self.bookmark = Bookmark()

    def add(self, data: Any, at: int | None = None, source: str = "", message: str = "") -> Self:
        """Add a fact: by default an hour after the one added before, under an id of its own."""
        if at is None:
            at = self.facts[-1].at - START + HOUR if self.facts else 0
        source = source or f"/{type(data).__module__.rpartition('.')[2]}"
        message = message or f"e{len(self.facts) + 1:02}"
        self.facts.append(Fact(START + at, source, message, masked(data), currency_of(data)))
        return self

    @property
    def steps(self) -> int:
        return len(self.facts)

    def decided(
        self,
        at: int | None = None,
        watermark: int | None = None,
        published: dict[int, int] | None = None,
        quarantined: tuple[str, ...] = (),
        quarantined_at: int = 0,
    ) -> Self:
        """Publish what follows from all that was added, at an instant: by default, that of the latest fact.

        `quarantined`: topics of records that lie in quarantine, since `quarantined_at`.
        `watermark`: how far the input was read (the clock). `published`: when outputs were, by their version.
        """
        now = max(fact.at for fact in self.facts) if at is None else START + at
        clock = Clock(
            now,
            now if watermark is None else START + watermark,
            tuple([QuarantinedRecord(topic, START + quarantined_at) for topic in quarantined]),
            None if published is None else {version: START + then for version, then in published.items()},
        )
        ruling = self._decide(clock)
        self.due_at = None if ruling.due_at is None else ruling.due_at - START
        self.outputs += ruling.outputs
        self.ledger = self.ledger.after(ruling.outputs)
        again = self._decide(clock)
        assert again.outputs == (), "deciding again publishes nothing"
        assert again.waits == ruling.waits, "deciding again finds the same waits"
        return self

    def _decide(self, clock: Clock) -> Ruling:
        self.clock = clock
        facts = sorted(self.facts, key=lambda fact: fact.key)
        anew = decide(self.order_id, facts, self.ledger, self.book, clock)
        ruling = decide(self.order_id, facts, self.ledger, self.book, clock, self.bookmark)
        assert ruling == anew, "a bookmark changes nothing"
        return ruling

    def examined(self) -> Examination:
        """The order as the rules examine it at the time of its last decision."""
        facts = sorted(self.facts, key=lambda fact: fact.key)
        found = examine(self.order_id, facts, self.ledger, self.book, self.clock)
        assert found is not None, "nothing says that the order was placed"
        return found

    # What was published, from the first to the last.

    def of(self, kind: type[Any]) -> list[Any]:
        return [output.data for output in self.outputs if isinstance(output.data, kind)]

    @property
    def refunds(self) -> list[tuple[str, int, str]]:
        """Line, amount, and the payment (else the destination) it goes to."""
        return [(r.line, r.amount.value, r.payment_id or r.destination) for r in self.of(RefundIssue)]

    def refunded(self, line: str = "purchase") -> int:
        return sum(r.amount.value for r in self.of(RefundIssue) if r.line == line)

    def refund_clauses(self, line: str = "purchase") -> list[str]:
        """The clauses of the last refund on a line."""
        return [basis.clause for basis in [r for r in self.of(RefundIssue) if r.line == line][-1].basis]

    @property
    def holds(self) -> list[tuple[str, str, int]]:
        """`place` or `release`, the hold, the amount (0 for a release)."""
        found = []
        for one in self.of(object):
            if isinstance(one, FreezePlace):
                found.append(("place", one.hold_id, one.amount.value))
            elif isinstance(one, FreezeRelease):
                found.append(("release", one.hold_id, 0))
        return found

    @property
    def deductions(self) -> list[tuple[str, str, int]]:
        """Source, deduction, amount."""
        return [(d.source, d.deduction_id, d.amount.value) for d in self.of(DeductionExecute)]

    @property
    def transfers(self) -> list[tuple[str, str, int]]:
        """Promoter, deduction, amount."""
        return [(t.promoter_id, t.deduction_id, t.amount.value) for t in self.of(BrokerageTransfer)]

    def outcomes(self, kind: str, ref: str = "") -> list[str]:
        """The outcomes of a decision's key, from the first to the last; amounts as `demanded 500`."""
        found = [d for d in self.of(DecisionMade) if (d.kind, d.ref) == (kind, ref or self.order_id)]
        return [d.outcome if d.amount is None else f"{d.outcome} {d.amount.value}" for d in found]

    def decision(self, kind: str, ref: str = "") -> DecisionMade:
        """The last decision of a key."""
        found: list[DecisionMade] = [
            d for d in self.of(DecisionMade) if (d.kind, d.ref) == (kind, ref or self.order_id)
        ]
        return found[-1]

    def stands(self, kind: str, ref: str = "") -> tuple[str, list[str]]:
        """The outcome that stands of a key, and the clauses it cites."""
        last = self.decision(kind, ref)
        return last.outcome, [basis.clause for basis in last.basis]

    def due_by(self, chargeback_id: str = "cb-1") -> int:
        """By when the last payment demand on a chargeback says it is to be paid."""
        due_at = self.decision("payment_demand", chargeback_id).due_at
        assert due_at is not None
        return micros(due_at) - START
