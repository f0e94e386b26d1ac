"""Two versions of the service: the older is this one, the newer has an output more, and a table for it.

Both keep their place in their groups for half a minute, so that who leaves has to say so. No longer: a commit that a
rebalance overtakes makes aiokafka join anew, and the group waits that long for the member that it was.
"""

import json
import os
import sys
from functools import partial

from purchasing_contracts.base import instant_of
from purchasing_contracts.decisions import DecisionMade
from purchasing_contracts.envelope import Publication
from purchasing_contracts.published import PublishedData
from purchasing_contracts.topics import topic_of

from service.cli import main
from service.inbox import consumer
from service.orders import state, unit_of_work
from service.outbox import membership
from service.outbox.relay import Relay
from service.rules import ledger as ledgers
from service.rules.ids import name_id
from service.rules.ledger import Output
from service.store import migrate
from service.worker import components
from tests.delivery.service import Worker

SESSION_MS = 30_000
VOUCHER = "purchasing.voucher.issued.v1"
VOUCHERS = "voucher-"
"""The prefix of the orders for which the newer version issues a voucher."""


class VoucherIssued(PublishedData):
    """A voucher for an order that has become effective."""

    TYPE = VOUCHER


class Older(Worker):
    program = "tests.delivery.versions"

    def __init__(self, *arguments, **more):
        super().__init__(*arguments, **more)
        self.environment["VERSION"] = type(self).__name__


class Newer(Older):
    pass


decide = unit_of_work.decide
decode = state.read_published
known_migrations = migrate.known_migrations
add = ledgers._Fold.add


def with_voucher(order_id, facts, ledger, terms, clock, bookmark):
    ruling = decide(order_id, facts, ledger, terms, clock, bookmark)
    if not order_id.startswith(VOUCHERS) or ("agreement", order_id) in ledger.standing or not ruling.outputs:
        return ruling
    last = ruling.outputs[-1]
    members = {name: getattr(last.data, name) for name in PublishedData.model_fields}
    data = VoucherIssued(**members | {"order_version": last.version + 1})
    voucher = Output(name_id(order_id, VOUCHER), last.version + 1, last.at, data)
    outputs = (*ruling.outputs, voucher)
    return ruling._replace(outputs=outputs, ledger=ledger.after(outputs))


def add_voucher(fold, output):
    """The newer version's ledger knows vouchers: they move nothing."""
    if isinstance(output.data, VoucherIssued):
        fold._version = output.version
    else:
        add(fold, output)


def decode_voucher(value):
    attributes = json.loads(value)
    if attributes["type"] != VOUCHER:
        return decode(value)
    data = VoucherIssued.model_validate_json(json.dumps(attributes["data"]))
    return Publication(attributes["id"], attributes["subject"], instant_of(attributes["time"]), data)


def topic_of_voucher(cls):
    return topic_of(DecisionMade if cls is VoucherIssued else cls)


def with_a_table():
    known = known_migrations()
    sql = "-- expand\ncreate table vouchers (order_id text primary key);\n"
    return [*known, migrate.Migration(known[-1].number + 1, "vouchers", "expand", sql)]


def become_newer():
    unit_of_work.decide = with_voucher
    ledgers._Fold.add = add_voucher
    state.read_published = decode_voucher
    state.topic_of = topic_of_voucher
    migrate.known_migrations = with_a_table


if __name__ == "__main__":
    consumer.SESSION_TIMEOUT_MS = SESSION_MS
    components.Relay = partial(Relay, session_ms=SESSION_MS)
    membership.HEARTBEATS = SESSION_MS // 1_000
    if os.environ["VERSION"] == Newer.__name__:
        become_newer()
    sys.exit(main(sys.argv[1:]))
