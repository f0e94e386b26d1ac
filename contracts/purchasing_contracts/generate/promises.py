"""What the service promises of each topic, and asks for, in words: one place for the document and its page."""

from purchasing_contracts.checking import FACTS_PER_TYPE_MAX
from purchasing_contracts.topics import Topic

_DAY_MS = 24 * 60 * 60 * 1000

INTRODUCTION = f"""\
The topics of the overseas purchasing service, which decides purchase orders under a service agreement: events come \
in, commands and decisions go out. Clauses in brackets, such as 12(3), are those of the agreement.

This document is written from the service's side: what it *receives*, you send; what it *sends*, you receive.

Every message is a CloudEvent 1.0. The record's key is the order's id, and so is `subject`. `source` and `id` together \
identify a message: the same pair again is the same message, however often it comes. Money is a whole number of minor \
units (fen, cents) with its currency; all money in one message has one currency, but for what is marked \
`x-own-currency`. Unknown members are ignored, by the service and, please, by you.

Enumerations of what you receive are open (`x-open-enumeration`): strings, with the values known today as examples. \
Ignore a decision of a `kind` that you don't know, and take any other value that you don't know as "other".

Members marked `x-private` (clause 23) are never published, logged or traced.

A record that breaks the contract is quarantined whole, and `purchasing.quarantine.v1` says where it was and why, \
never what was in it. An order may have {FACTS_PER_TYPE_MAX} events of one type.
"""

_TITLES = {
    "purchasing.events.order.v1": "What the buyer, the provider's staff and the platform do",
    "purchasing.events.payment.v1": "What the payment institution, the deposit account and the funds report",
    "purchasing.events.warehouse-receipt.v1": "What the storage and logistics providers report",
    "purchasing.events.seller-response.v1": "What the product seller answers",
    "purchasing.events.chargeback.v1": "The payment institution takes back, or gives back",
    "purchasing.commands.refund.v1": "Refunds to be made",
    "purchasing.commands.deduction.v1": "Deductions from the deposit and from the purchasing funds",
    "purchasing.commands.freeze.v1": "Holds on buyers' accounts, and their release",
    "purchasing.commands.brokerage-transfer.v1": "Brokerage to be paid to promoters",
    "purchasing.decisions.v1": "What was decided, and under which clauses",
    "purchasing.quarantine.v1": "Records that break the contract, without their content",
}


def promises_of(topic: Topic) -> dict[str, str]:
    """By subject: title, key, ordering, delivery, retention. A text may hold Markdown's bold and code."""
    days = int(topic.settings["retention.ms"]) // _DAY_MS
    said = {"title": _TITLES[topic.name]}
    if topic.direction == "in":
        return said | {
            "key": "The order's id in UTF-8, equal to `subject`; a record without it is quarantined.",
            "ordering": (
                "The service reasons with `time`, never with the order in which it hears: events of one order may come "
                "late, twice, and through different partitions. Sent through one partition they are heard as they were "
                "sent, and nothing has to be decided anew: place keys like the Java client does (`murmur2_random` in "
                "librdkafka; kafkajs, franz-go, aiokafka and kafka-python do so by themselves)."
            ),
            "delivery": (
                "Send at least once, with `acks=all`. When in doubt send the same event again, unchanged: same "
                "`source`, same `id`. The same pair with other content is quarantined; the first heard stands."
            ),
            "retention": (
                f"{days} days. The broker stamps the records (`LogAppendTime`): a deadline waits until what was "
                "written before it has been read."
            ),
        }
    notices = topic.name == "purchasing.quarantine.v1"
    return said | {
        "key": (
            "The order's id where it could be read, else `{topic}/{partition}/{offset}`; equal to `subject`."
            if notices
            else "The order's id in UTF-8, equal to `subject`."
        ),
        "ordering": (
            "None: notices of different records have nothing to do with each other."
            if notices
            else "Messages of one order stand in one partition, in the order of their `order_version`, which counts "
            "without gaps over all topics we publish."
        ),
        "delivery": (
            "Published once, in a Kafka transaction: read with `isolation.level=read_committed`. Your own client may "
            "hand you a message again, after a crash or a rebalance: keep the ids you have acted on (`command_id`, "
            "else `id`)."
        ),
        "retention": f"{days} days.",
    }
