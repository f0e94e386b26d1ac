"""The registry: the messages of each topic, its direction, and its settings.

The only place in the repository that says which type belongs to which topic.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Literal

from purchasing_contracts.base import MessageData
from purchasing_contracts.commands.brokerage_transfer import BrokerageTransfer
from purchasing_contracts.commands.deduction import DeductionExecute
from purchasing_contracts.commands.freeze import FreezePlace, FreezeRelease
from purchasing_contracts.commands.refund import RefundIssue
from purchasing_contracts.decisions import DecisionMade
from purchasing_contracts.events import chargeback, order, payment, seller_response, warehouse_receipt
from purchasing_contracts.quarantine import RecordQuarantined

Direction = Literal["in", "out", "internal"]

_DAY_MS = 24 * 60 * 60 * 1000


@dataclass(frozen=True, slots=True)
class Topic:
    """A Kafka topic: its name, the classes of its messages, and its settings by Kafka's names.

    `replicas` of each partition, of which `in_sync` must have a record before it counts as written: losing one broker
    then loses nothing and stops nothing. Installations with fewer brokers have fewer.
    """

    name: str
    messages: tuple[type[MessageData], ...]
    direction: Direction
    partitions: int
    settings: Mapping[str, str]
    replicas: int = 3
    in_sync: int = 2


def _read(name: str, *messages: type[MessageData]) -> Topic:
    # LogAppendTime, because a deadline waits until the input was read up to it by the broker's clock. The long
    # retention outlasts an outage of this service.
    settings = {
        "cleanup.policy": "delete",
        "message.timestamp.type": "LogAppendTime",
        "retention.ms": str(30 * _DAY_MS),
    }
    return Topic(name, messages, "in", 6, MappingProxyType(settings))


def _written(name: str, *messages: type[MessageData]) -> Topic:
    settings = {"cleanup.policy": "delete", "retention.ms": str(30 * _DAY_MS)}
    return Topic(name, messages, "out", 6, MappingProxyType(settings))


OUTBOX = Topic(
    "purchasing.internal.outbox.v1",
    (),
    "internal",
    # One partition per lane; a service with more lanes creates more.
    1,
    MappingProxyType({"cleanup.policy": "compact"}),
)
"""The relay's cursors: the last published position of each lane. Only the relay uses it."""

TOPICS: tuple[Topic, ...] = (
    _read(
        "purchasing.events.order.v1",
        order.OrderPlaced,
        order.QuoteRevised,
        order.OrderAccepted,
        order.OrderRefused,
        order.CancellationRequested,
        order.DissolutionRequested,
        order.RequestWithdrawn,
        order.ObjectionRaised,
        order.ObjectionWithdrawn,
        order.ReceiptConfirmed,
        order.TipRefundRequested,
        order.IssueDisclosed,
        order.ProviderFaultFound,
        order.BuyerBreachFound,
        order.ExcessApproved,
    ),
    _read(
        "purchasing.events.payment.v1",
        payment.PaymentCaptured,
        payment.TipPaid,
        payment.SellerRefundReceived,
        payment.OutstandingPaid,
        payment.RepaymentReceived,
        payment.RefundFailed,
        payment.RefundSucceeded,
        payment.RefundedElsewhere,
        payment.DepositDeducted,
        payment.DepositInsufficient,
        payment.FundsDeducted,
        payment.FundsInsufficient,
        payment.TransferFailed,
        payment.FreezeRefused,
    ),
    _read(
        "purchasing.events.warehouse-receipt.v1",
        warehouse_receipt.GoodsReceived,
        warehouse_receipt.ObjectionVerified,
        warehouse_receipt.CostIncurred,
        warehouse_receipt.CustomsCleared,
        warehouse_receipt.PackageDelivered,
        warehouse_receipt.GoodsDisposed,
    ),
    _read(
        "purchasing.events.seller-response.v1",
        seller_response.PurchaseConfirmed,
        seller_response.PurchaseUnavailable,
        seller_response.CancellationAgreed,
        seller_response.CancellationRefused,
        seller_response.DissolutionAgreed,
        seller_response.DissolutionRefused,
    ),
    _read(
        "purchasing.events.chargeback.v1",
        chargeback.ChargebackOpened,
        chargeback.ChargebackReassessed,
        chargeback.ChargebackClosed,
    ),
    _written("purchasing.commands.refund.v1", RefundIssue),
    _written("purchasing.commands.deduction.v1", DeductionExecute),
    _written("purchasing.commands.freeze.v1", FreezePlace, FreezeRelease),
    _written("purchasing.commands.brokerage-transfer.v1", BrokerageTransfer),
    _written("purchasing.decisions.v1", DecisionMade),
    _written("purchasing.quarantine.v1", RecordQuarantined),
    OUTBOX,
)

_CLASSES: Mapping[str, type[MessageData]] = MappingProxyType(
    {message.TYPE: message for topic in TOPICS for message in topic.messages}
)
_TOPICS: Mapping[type[MessageData], Topic] = MappingProxyType(
    {message: topic for topic in TOPICS for message in topic.messages}
)


def topic_of(message: type[MessageData]) -> Topic:
    """Return the topic of this class of data. Raises `KeyError` for a class of no message."""
    return _TOPICS[message]


def class_of(type_: str) -> type[MessageData] | None:
    """Return the class of the data of a CloudEvents type, read or written; None for other types."""
    return _CLASSES.get(type_)
