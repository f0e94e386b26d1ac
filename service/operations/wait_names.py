"""The names of waits, without what is of one order."""

from __future__ import annotations

from service.operations.sentence import Sentence, sentence

WAIT_NAMES = {
    "placed": sentence("the message that the order was placed"),
    "acceptance": sentence("acceptance of orders"),
    "rest_of_order_amount": sentence("the rest of order amounts"),
    "purchase": sentence("purchases, or reports of them"),
    "receipt_by_warehouse": sentence("receipt of the goods by the warehouse"),
    "delivery": sentence("delivery of the goods"),
    "confirmation_of_receipt": sentence("confirmation of receipt or an objection"),
    "sellers_answer": sentence("the seller's answer to a request"),
    "verification": sentence("the verification of an objection"),
    "sellers_money": sentence("money that the seller returns"),
    "payment_of_claim": sentence("payment for a chargeback"),
    "deposits_answer": sentence("the deposit account's answer to a deduction"),
    "payment_or_disposal": sentence("payment, or the proceeds of retained goods"),
    "repayment": sentence("money that buyers are to pay back"),
    "promoters_repayment": sentence("brokerage that promoters are to pay back"),
    "buyer_owes": sentence("money that buyers owe"),
    "chargeback_outcome": sentence("the outcome of a chargeback"),
    "refund_answer": sentence("confirmation that a refund was made"),
    "funds_answer": sentence("the purchasing funds' answer to a deduction"),
    "conversion": sentence("conversion of an amount by staff"),
    "record_in_quarantine": sentence("a person to resolve a quarantined record"),
    "seller_excess": sentence("confirmation of the seller's money beyond what the buyer paid"),
    "undeliverable": sentence("a way to deliver a refund"),
    "refused_hold": sentence("a decision on a hold that was refused"),
    "unknown": sentence("this service to look at the order again"),
}


def wait_name(what: str) -> Sentence:
    """Return a kind of wait in words."""
    return WAIT_NAMES.get(what) or Sentence(what.replace("_", " "))
