"""The oracle's chargebacks: what each took, what is owed for it, what came in (rules.md, "Chargebacks (22)")."""

from dataclasses import dataclass

from tests.rules.oracle import Event, Known, Parts, at, is_a

Clauses = frozenset[str]


@dataclass
class Charge:
    """A chargeback. `remaining` is what is still owed for it, before anything withheld covers it."""

    id: str
    at: int
    line: str
    payment: str
    amount: int
    outcome: str
    clauses: Clauses
    unjust: bool
    remaining: int
    answered: bool


def outstanding(known: Known) -> list[Event]:
    return known.distinct("payment.outstanding_paid", lambda d: (d["chargeback_id"], d["payment_id"]))


def recovered(known: Known) -> dict[str, int]:
    """What the deposit gave, by deduction: the earliest answer of both types together."""
    gave: dict[str, int] = {}
    for e in known.events:
        if is_a(e, "payment.deposit_deducted", "payment.deposit_insufficient"):
            given = e["data"].get("amount") or e["data"].get("deducted")
            gave.setdefault(e["data"]["deduction_id"], given["value"])
    return gave


def proceeds(known: Known) -> dict[str, int]:
    brought: dict[str, int] = {}
    for e in known.distinct("warehouse.goods_disposed", lambda d: d["disposal_id"]):
        ref, amount = e["data"].get("chargeback_id"), e["data"].get("proceeds")
        if ref is not None and amount is not None:
            brought[ref] = brought.get(ref, 0) + amount["value"]
    return brought


def roles(known: Known) -> tuple[dict[str, str], dict[str, int]]:
    """The line each payment belongs to, and what it has brought in over all its roles."""
    line_of: dict[str, str] = {}
    brought: dict[str, int] = {}

    def add(payment: str, line: str, amount: int) -> None:
        # "a payment in several roles to the first of these, and it brought in their sum"
        line_of.setdefault(payment, line)
        brought[payment] = brought.get(payment, 0) + amount

    for e in known.captures:
        add(e["data"]["payment_id"], "purchase", Parts.of(e["data"]["breakdown"]).total)
    for e in known.distinct("payment.tip_paid", lambda d: d["tip_id"]):
        add(e["data"]["payment_id"], f"tip:{e['data']['tip_id']}", e["data"]["amount"]["value"])
    for e in outstanding(known):
        line = f"chargeback:{e['data']['chargeback_id']}"
        add(e["data"]["payment_id"], line, e["data"]["amount"]["value"])
    return line_of, brought


def chargebacks(known: Known) -> list[Charge]:
    line_of, brought = roles(known)
    gave, sold = recovered(known), proceeds(known)
    # "`chargeback_id` | the latest (restored after lost is restored, and the reverse)"
    last = {e["data"]["chargeback_id"]: e for e in known.events if is_a(e, "chargeback.closed")}
    charges: list[Charge] = []
    for e in known.distinct("chargeback.opened", lambda d: d["chargeback_id"]):
        data = e["data"]
        ref, payment = data["chargeback_id"], data["payment_id"]
        restored = ref in last and last[ref]["data"]["outcome"] == "restored"
        # "counts up to what the payment has brought in as far as we know (nothing while it isn't known), earlier
        # unrestored chargebacks on it taken off; 0 while `restored`"
        earlier = sum(one.amount for one in charges if one.payment == payment)
        amount = 0 if restored else min(data["amount"]["value"], brought.get(payment, 0) - earlier)
        line = line_of.get(payment, "purchase")
        clauses = grounds(known, e, line)
        unjust = len(clauses) > 1
        outcome = "restored" if restored else ("unjust" if unjust else "accepted")
        paid = sum(p["data"]["amount"]["value"] for p in outstanding(known) if p["data"]["chargeback_id"] == ref)
        remaining = max(0, amount - paid - gave.get(ref, 0) - sold.get(ref, 0)) if unjust else 0
        charges.append(
            Charge(ref, at(e), line, payment, amount, outcome, clauses, unjust, remaining, answered=ref in gave)
        )
    return charges


def grounds(known: Known, opened: Event, line: str) -> Clauses:
    """The clauses of a chargeback; it is unjust if there is one besides 22."""
    # "On a tip's payment it takes the tip back and nothing else (21)"
    if line.startswith("tip:"):
        return frozenset({"21"})
    # "Otherwise it is unjust if the reason is `account_stolen` 22(3) or `payment_account_misused` 22(4); or the
    # obligation had ended at or before it 22(1); or it isn't attributable to the provider 22(2). All that apply are
    # cited."
    data, cited = opened["data"], {"22"}
    cited |= {"22(3)"} if data["reason"] == "account_stolen" else set()
    cited |= {"22(4)"} if data["reason"] == "payment_account_misused" else set()
    cited |= {"22(1)"} if known.ended is not None and known.ended <= at(opened) else set()
    cited |= {"22(2)"} if not data["attributable_to_provider"] else set()
    return frozenset(cited)
