"""Guarantees of the service for each topic and requirements on its users, for the AsyncAPI document and its page."""

from purchasing_contracts.checking import FACTS_PER_TYPE_MAX
from purchasing_contracts.topics import Topic

_DAY_MS = 24 * 60 * 60 * 1000

INTRODUCTION = f"""\
The topics of the overseas purchasing service, which decides purchase orders under a service agreement. It reads \
events and publishes commands and decisions. Numbers in brackets, such as 12(3), are clauses of the agreement.

This document is written from the service's side: you send what it *receives*, and you receive what it *sends*.

Every message is a CloudEvent 1.0. The record's key is the order's id, and so is `subject`. `source` and `id` together \
identify a message: a message with the same pair is the same message, however often it comes. Money is a whole number \
of minor units (fen, cents) with its currency; all money in one message has one currency, except members marked \
`x-own-currency`. The service ignores unknown members; please ignore them, too.

Enumerations in messages that you receive are open (`x-open-enumeration`): strings, with the values known today as \
examples. Ignore a decision of a `kind` that you don't know, and treat any other unknown value as "other".

Members marked `x-private` (clause 23) are never published, logged or traced.

A record that breaks the contract is quarantined as a whole. A notice on `purchasing.quarantine.v1` states its place \
and the reason, never its content. An order may have {FACTS_PER_TYPE_MAX} events of one type.
"""

_TITLES = {
    "purchasing.events.order.v1": "Events from the buyer, the provider's staff and the platform",
    "purchasing.events.payment.v1": "Events from the payment institution, the deposit account and the purchasing funds",
    "purchasing.events.warehouse-receipt.v1": "Events from the storage and logistics providers",
    "purchasing.events.seller-response.v1": "Events from the product seller",
    "purchasing.events.chargeback.v1": "Chargebacks: the payment institution takes money back, or returns it",
    "purchasing.commands.refund.v1": "Refunds to be made",
    "purchasing.commands.deduction.v1": "Deductions from the deposit and from the purchasing funds",
    "purchasing.commands.freeze.v1": "Holds on buyers' accounts, and their release",
    "purchasing.commands.brokerage-transfer.v1": "Brokerage to be paid to promoters",
    "purchasing.decisions.v1": "Decisions, and the clauses that they rest on",
    "purchasing.quarantine.v1": "Records that break the contract, without their content",
}


def promises_of(topic: Topic) -> dict[str, str]:
    """Return the promises of a topic: title, key, ordering, delivery, retention.

    A text may hold Markdown's bold and code.
    """
    days = int(topic.settings["retention.ms"]) // _DAY_MS
    promises = {"title": _TITLES[topic.name]}
    if topic.direction == "in":
        return promises | {
            "key": "The order's id in UTF-8, equal to `subject`; a record without it is quarantined.",
            "ordering": (
                "The service decides by `time`, never by the order in which it receives events: events of one order "
                "may come late, twice, and through different partitions. Events sent through one partition are "
                "received in the order in which they were sent, and nothing has to be decided again: choose partitions "
                "like the Java client (`murmur2_random` in librdkafka; kafkajs, franz-go, aiokafka and kafka-python do "
                "so by default)."
            ),
            "delivery": (
                "Send at least once, with `acks=all`. When in doubt send the same event again, unchanged, with the "
                "same `source` and `id`. A message with the same pair and other content is quarantined; the first one "
                "received counts."
            ),
            "retention": (
                f"{days} days. The broker stamps the records (`LogAppendTime`): a deadline waits until all records "
                "written before it have been read."
            ),
        }
    notices = topic.name == "purchasing.quarantine.v1"
    return promises | {
        "key": (
            "The order's id where it could be read, else `{topic}/{partition}/{offset}`; equal to `subject`."
            if notices
            else "The order's id in UTF-8, equal to `subject`."
        ),
        "ordering": (
            "None: notices of different records are independent."
            if notices
            else "Messages of one order are in one partition, in the order of their `order_version`, which counts "
            "without gaps over all topics that the service publishes."
        ),
        "delivery": (
            "Published once, in a Kafka transaction: read with `isolation.level=read_committed`. Your own client may "
            "deliver a message again, after a crash or a rebalance: keep the ids that you have acted on (`command_id`, "
            "else `id`)."
        ),
        "retention": f"{days} days.",
    }
