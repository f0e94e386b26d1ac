"""Everything that can happen to an order, each added by one call of plain values."""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Self

from purchasing_contracts.events import chargeback, order, payment, seller_response, warehouse_receipt
from purchasing_contracts.items import ItemRef
from purchasing_contracts.money import Breakdown, Money, OtherFee

from service.rules.facts import DAY, instant, micros

HOUR = DAY // 24
START = micros(datetime(2026, 3, 2, 9, tzinfo=UTC))


def money(value: int, currency: str = "CNY") -> Money:
    return Money(currency=currency, value=value)


def when(at: int) -> datetime:
    """Return the time of an instant of the story."""
    return instant(START + at)


def amounts(
    goods: int = 100_000,
    shipping: int = 1_200,
    fee: int = 101,
    own: int = 0,
    third: int = 0,
    currency: str = "CNY",
) -> Breakdown:
    """Return a breakdown; `own` is another fee the provider collects, `third` one that a third party collects."""
    fees = [("provider", own), ("third_party", third)]
    return Breakdown(
        goods=money(goods, currency),
        to_warehouse_shipping=money(shipping, currency),
        service_fee=money(fee, currency),
        other_fees=tuple(
            OtherFee.model_validate({"kind": "storage", "amount": money(value, currency), "collected_by": by})
            for by, value in fees
            if value
        ),
    )


QUOTE = amounts()
"""1,000.00 for the goods, 12.00 for shipping, 1.01 for the service: 1,013.01 in all."""


def lamp(**changes: Any) -> order.Item:
    """Return an item as it ought to be described."""
    usual: dict[str, Any] = {
        "link": "https://shop.example/1",
        "seller_name": "Lamp Works",
        "specification": "E27",
        "quantity": 2,
    }
    return order.Item(**(usual | changes))


Refs = Mapping[str, int | None] | None
"""Items by id with how many units of each, None for all; None in place of it: no list."""


def refs(items: Refs) -> tuple[ItemRef, ...] | None:
    """Return a list of items as messages carry it."""
    if items is None:
        return None
    return tuple(ItemRef(item_id=item_id, quantity=quantity) for item_id, quantity in items.items())


class Happenings(ABC):
    """The events that can be added to an order. `at` is when one happened, in microseconds of the story."""

    @abstractmethod
    def add(self, data: Any, at: int | None = None, source: str = "", message: str = "") -> Self:
        """Add a fact."""

    @property
    @abstractmethod
    def steps(self) -> int:
        """The number of facts that were added."""

    # What the buyer and the provider's staff do.

    def placed(
        self,
        at: int | None = None,
        mandate_at: int | None = 0,
        logistics: str | None = "logi-4",
        address: str | None = "Warehouse 3",
        deadline: int | None = None,
        **members: Any,
    ) -> Self:
        usual = {
            "account_id": "acct-7",
            "provider_id": "prov-1",
            "seller_id": "sell-9",
            "currency": "CNY",
            "items": (lamp(),),
            "quote": QUOTE,
            "domestic_address": address,
            "logistics_provider_id": logistics,
            "mandate": None if mandate_at is None else order.Mandate(agreed_at=when(mandate_at)),
            "cancellation_deadline": None if deadline is None else when(deadline),
        }
        return self.add(order.OrderPlaced.model_validate(usual | members), at)

    def accepted(self, at: int | None = None, logistics: str | None = None) -> Self:
        return self.add(order.OrderAccepted(logistics_provider_id=logistics), at)

    def refused(self, ground: Any = "other", at: int | None = None) -> Self:
        return self.add(order.OrderRefused(ground=ground), at)

    def asks_to_cancel(
        self, request: str = "can-1", at: int | None = None, channel: Any = "platform", items: Refs = None
    ) -> Self:
        data = order.CancellationRequested(request_id=request, channel=channel, items=refs(items))
        return self.add(data, at)

    def asks_to_dissolve(
        self,
        request: str = "dis-1",
        at: int | None = None,
        ground: Any = "defective",
        inspected: bool = True,
        evidence: int = 1,
        items: Refs = None,
    ) -> Self:
        uris = ("https://evidence.example/1",) * evidence
        data = order.DissolutionRequested(
            request_id=request, ground=ground, inspected=inspected, evidence=uris, items=refs(items)
        )
        return self.add(data, at)

    def objects(self, objection: str = "obj-1", scope: Any = "package", at: int | None = None) -> Self:
        return self.add(order.ObjectionRaised(objection_id=objection, scope=scope, evidence=()), at)

    def withdraws_objection(self, objection: str = "obj-1", at: int | None = None) -> Self:
        return self.add(order.ObjectionWithdrawn(objection_id=objection), at)

    def confirms_receipt(self, at: int | None = None) -> Self:
        return self.add(order.ReceiptConfirmed(), at)

    def asks_tip_back(self, tip: str = "tip-1", at: int | None = None) -> Self:
        return self.add(order.TipRefundRequested(tip_id=tip), at)

    def fault_found(self, loss: int, finding: str = "find-1", at: int | None = None, consequential: int = 0) -> Self:
        data = order.ProviderFaultFound(
            finding_id=finding, direct_loss=money(loss), consequential_loss=money(consequential)
        )
        return self.add(data, at)

    def excess_approved(self, amount: int, at: int | None = None) -> Self:
        return self.add(order.ExcessApproved(amount=money(amount)), at)

    def takes_back(self, request: str = "can-1", at: int | None = None) -> Self:
        return self.add(order.RequestWithdrawn(request_id=request), at)

    def requoted(self, quote: Breakdown, revision: str = "rev-1", at: int | None = None, **members: Any) -> Self:
        agreed_at = when(at if at is not None else self.steps * HOUR)
        data = {"revision_id": revision, "quote": quote, "agreed_at": agreed_at, **members}
        return self.add(order.QuoteRevised.model_validate(data), at)

    # What the payment institution and the deposit account report.

    def paid(
        self,
        breakdown: Breakdown = QUOTE,
        payment_id: str = "pay-1",
        at: int | None = None,
        settled: int | None = None,
    ) -> Self:
        booked = None if settled is None else money(settled)
        return self.add(payment.PaymentCaptured(payment_id=payment_id, breakdown=breakdown, settled=booked), at)

    def tipped(self, amount: int, tip: str = "tip-1", payment_id: str = "pay-tip", at: int | None = None) -> Self:
        return self.add(payment.TipPaid(tip_id=tip, payment_id=payment_id, amount=money(amount)), at)

    def seller_refunds(
        self, amount: int, receipt: str = "back-1", at: int | None = None, request: str | None = None
    ) -> Self:
        data = payment.SellerRefundReceived(receipt_id=receipt, amount=money(amount), request_id=request)
        return self.add(data, at)

    def pays_outstanding(
        self, amount: int, chargeback_id: str = "cb-1", payment_id: str = "pay-out", at: int | None = None
    ) -> Self:
        data = payment.OutstandingPaid(chargeback_id=chargeback_id, payment_id=payment_id, amount=money(amount))
        return self.add(data, at)

    def repays(self, amount: int, line: str = "purchase", repayment: str = "", at: int | None = None) -> Self:
        repayment = repayment or f"repay-{self.steps}"
        return self.add(payment.RepaymentReceived(repayment_id=repayment, line=line, amount=money(amount)), at)

    def refund_fails(
        self,
        amount: int,
        payment_id: str | None = "pay-1",
        line: str = "purchase",
        command: str = "",
        at: int | None = None,
    ) -> Self:
        data = payment.RefundFailed(
            command_id=command or f"command-{self.steps}",
            line=line,
            payment_id=payment_id,
            amount=money(amount),
        )
        return self.add(data, at)

    def deposit_pays(self, amount: int, deduction: str = "cb-1", at: int | None = None) -> Self:
        return self.add(payment.DepositDeducted(deduction_id=deduction, amount=money(amount)), at)

    def funds_pay(self, amount: int, deduction: str = "ord-1:brokerage:1", at: int | None = None) -> Self:
        return self.add(payment.FundsDeducted(deduction_id=deduction, amount=money(amount)), at)

    def funds_fall_short(self, deducted: int, deduction: str = "ord-1:brokerage:1", at: int | None = None) -> Self:
        return self.add(payment.FundsInsufficient(deduction_id=deduction, deducted=money(deducted)), at)

    def transfer_fails(self, amount: int, command: str = "transfer", at: int | None = None) -> Self:
        return self.add(payment.TransferFailed(command_id=command, amount=money(amount)), at)

    def refunded_elsewhere(
        self,
        amount: int,
        payment_id: str | None = "pay-1",
        line: str = "purchase",
        refund: str = "else-1",
        at: int | None = None,
    ) -> Self:
        data = payment.RefundedElsewhere(refund_id=refund, line=line, payment_id=payment_id, amount=money(amount))
        return self.add(data, at)

    def hold_refused(self, hold: str = "cb-1", at: int | None = None) -> Self:
        return self.add(payment.FreezeRefused(hold_id=hold), at)

    def deposit_falls_short(self, deducted: int, deduction: str = "cb-1", at: int | None = None) -> Self:
        return self.add(payment.DepositInsufficient(deduction_id=deduction, deducted=money(deducted)), at)

    # What the storage and logistics providers report.

    def received(
        self,
        receipt: str = "rec-1",
        at: int | None = None,
        objections: int = 0,
        final: bool | None = None,
        items: Refs = None,
    ) -> Self:
        data = warehouse_receipt.GoodsReceived(
            receipt_id=receipt, objections=("dented",) * objections, final=final, items=refs(items)
        )
        return self.add(data, at)

    def verified(self, to: Any = "logistics", objection: str = "obj-1", at: int | None = None) -> Self:
        return self.add(warehouse_receipt.ObjectionVerified(objection_id=objection, attributable_to=to), at)

    def cost(self, amount: int, cost: str = "cost-1", at: int | None = None, borne_by: Any = "provider") -> Self:
        data = warehouse_receipt.CostIncurred(cost_id=cost, kind="custody", amount=money(amount), borne_by=borne_by)
        return self.add(data, at)

    def clears_customs(self, at: int | None = None) -> Self:
        return self.add(warehouse_receipt.CustomsCleared(), at)

    def delivered(self, package: str = "pack-1", at: int | None = None, final: bool = True) -> Self:
        return self.add(warehouse_receipt.PackageDelivered(package_id=package, final=final), at)

    def goods_sold(
        self, proceeds: int, chargeback_id: str | None = "cb-1", disposal: str = "disp-1", at: int | None = None
    ) -> Self:
        data = warehouse_receipt.GoodsDisposed(
            disposal_id=disposal, disposition="sold", chargeback_id=chargeback_id, proceeds=money(proceeds)
        )
        return self.add(data, at)

    # What the seller answers.

    def bought(
        self,
        goods: int = 100_000,
        shipping: int = 1_200,
        deposit: int | None = None,
        at: int | None = None,
        purchase: str = "pur-1",
        items: Refs = None,
    ) -> Self:
        data = seller_response.PurchaseConfirmed(
            purchase_id=purchase,
            items=refs(items),
            goods=money(goods),
            to_warehouse_shipping=money(shipping),
            deposit=None if deposit is None else money(deposit),
        )
        return self.add(data, at)

    def unavailable(
        self, reason: Any = "out_of_stock", at: int | None = None, items: Refs = None, message: str = ""
    ) -> Self:
        return self.add(seller_response.PurchaseUnavailable(reason=reason, items=refs(items)), at, message=message)

    def seller_cancels(self, request: str = "can-1", penalty: int | None = None, at: int | None = None) -> Self:
        fine = None if penalty is None else money(penalty)
        return self.add(seller_response.CancellationAgreed(request_id=request, penalty=fine), at)

    def seller_wont_cancel(self, request: str = "can-1", reason: Any = "declined", at: int | None = None) -> Self:
        return self.add(seller_response.CancellationRefused(request_id=request, reason=reason), at)

    def seller_dissolves(self, request: str = "dis-1", at: int | None = None) -> Self:
        return self.add(seller_response.DissolutionAgreed(request_id=request, disposition="return"), at)

    def seller_wont_dissolve(self, request: str = "dis-1", at: int | None = None) -> Self:
        return self.add(seller_response.DissolutionRefused(request_id=request), at)

    # What the payment institution takes back.

    def charged_back(
        self,
        amount: int = 101_301,
        chargeback_id: str = "cb-1",
        payment_id: str = "pay-1",
        at: int | None = None,
        reason: Any = "other",
        attributable: bool = False,
        currency: str = "CNY",
        **members: Any,
    ) -> Self:
        data = chargeback.ChargebackOpened(
            **members,
            chargeback_id=chargeback_id,
            payment_id=payment_id,
            amount=money(amount, currency),
            reason=reason,
            attributable_to_provider=attributable,
        )
        return self.add(data, at)

    def chargeback_ends(
        self,
        outcome: Any = "restored",
        chargeback_id: str = "cb-1",
        at: int | None = None,
        restored: int | None = None,
    ) -> Self:
        back = None if restored is None else money(restored)
        data = chargeback.ChargebackClosed(chargeback_id=chargeback_id, outcome=outcome, amount_restored=back)
        return self.add(data, at)
