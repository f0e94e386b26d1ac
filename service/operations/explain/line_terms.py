"""The terms of the amount due on a line (R13, R18, R19). The line `purchase` has the terms of R6 instead."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from service.operations.sentence import sentence
from service.rules.breach import breach_of
from service.rules.reconcile import COMPENSATION, OWED

if TYPE_CHECKING:
    from service.rules.assessment import Assessment, Due


@dataclass(frozen=True, slots=True)
class LineTerm:
    """One term of a sum. Minor units; what is taken off is negative."""

    name: str
    amount: int


def terms_of_line(case: Assessment, due: Due) -> tuple[LineTerm, ...]:
    """Return the terms of which the sum is due on a line, without those that are nothing; none for `purchase`."""
    kind, _, id_ = due.line.partition(":")
    terms: list[LineTerm] = []
    if kind == COMPENSATION:
        terms = _of_compensation(case)
    elif kind == OWED:
        terms = _of_debts(case)
    elif kind == "chargeback":
        terms = _of_chargeback(case, id_)
    elif kind == "tip":
        brought = sum(route.brought for route in due.routes)
        terms = [LineTerm(sentence("paid in"), brought), LineTerm(sentence("kept"), due.amount - brought)]
    return tuple([term for term in terms if term.amount])


def _of_compensation(case: Assessment) -> list[LineTerm]:
    breach = breach_of(case)
    return [
        LineTerm(sentence("direct losses"), breach.losses),
        LineTerm(sentence("of that beyond the order amount"), breach.within_order - breach.losses),
        LineTerm(sentence("given by just chargebacks"), breach.compensation - breach.within_order),
        LineTerm(sentence("set off against what the buyer owes"), -breach.set_off),
    ]


def _of_debts(case: Assessment) -> list[LineTerm]:
    breach = breach_of(case)
    return [
        LineTerm(sentence("paid back"), breach.repaid),
        LineTerm(sentence("owed: costs and penalties beyond what there was"), -breach.owed),
        LineTerm(sentence("of that set off against compensation"), breach.set_off),
        LineTerm(sentence("of that not paid yet"), breach.still_owed - breach.set_off),
    ]


def _of_chargeback(case: Assessment, id_: str) -> list[LineTerm]:
    recovered = case.recovered.get(id_)
    if recovered is None:
        return []
    terms = [
        LineTerm(sentence("paid by the buyer"), sum(amount for _, amount in recovered.paid)),
        LineTerm(sentence("taken from the deposit"), recovered.from_deposit),
        LineTerm(sentence("received for goods"), recovered.proceeds),
    ]
    chargeback = next((one for one in case.chargebacks if one.id == id_), None)
    if chargeback is None:
        return [*terms, LineTerm(sentence("kept until its chargeback is known"), -recovered.total)]
    fees = chargeback.fees if chargeback.is_unjust else 0
    return [
        *terms,
        LineTerm(sentence("owed for what was taken back"), fees - chargeback.owed),
        LineTerm(sentence("owed for the institution's fees"), -fees),
        LineTerm(sentence("of that not covered yet"), max(0, chargeback.owed - recovered.total)),
    ]
