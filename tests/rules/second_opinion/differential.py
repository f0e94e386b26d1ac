"""Histories through the product's engine and through the second opinion, in several arrival orders."""

from __future__ import annotations

import asyncio
import json
import tempfile
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING, Any

from purchasing_contracts.base import instant_of

from service.rules.terms import TERMS_OF_THE_AGREEMENT, TermsBook
from service.simulate.simulation import Simulation
from service.terms.files import read_terms
from tests.rules.second_opinion.histories import DAY, ORDER, History
from tests.rules.second_opinion.run import STANDING, Command, Order, as_dict, decide
from tests.rules.second_opinion.terms import instant_text, micros

MEMBERS = (
    "kind",
    "line",
    "ref",
    "amount",
    "destination",
    "payment_id",
    "hold_id",
    "replaces",
    "deduction_id",
    "source",
)
COMPARED = ("outcome", "amount", "due_at", "ground")
if TYPE_CHECKING:
    from collections.abc import Iterator

Stories = dict[tuple[Any, ...], list[dict[str, Any]]]


def book(sets: list[dict[str, Any]]) -> TermsBook:
    """The terms sets as the product reads them."""
    if not sets:
        return TERMS_OF_THE_AGREEMENT
    with tempfile.TemporaryDirectory() as directory:
        path = Path(directory) / "terms.json"
        path.write_text(json.dumps({"terms": sets}))
        return TermsBook(tuple(one.terms for one in read_terms(path)))


async def _play(events: list[dict[str, Any]], terms: TermsBook, until: str) -> list[dict[str, Any]]:
    simulation = Simulation(terms)
    found = []

    async def take(handling: Any) -> None:
        async for handled in handling:
            if getattr(handled, "stuck", None):
                raise AssertionError(f"the product could not decide: {handled.stuck}")
            found.extend(json.loads(one.output.value) for one in handled.outputs)

    for event in events:
        sent = {name: value for name, value in event.items() if name != "quarantined"}
        await take(simulation.receive(json.dumps(sent).encode()))
    await take(simulation.go_on(instant_of(until)))
    return found


def product(events: list[dict[str, Any]], sets: list[dict[str, Any]], until: str) -> Stories:
    """Outputs of the product, by line or key, each in order."""
    stories: Stories = {}
    quarantined = -sum("quarantined" in event for event in events)
    for event in asyncio.run(_play(events, book(sets), until)):
        data = event["data"]
        kind = event["type"].removeprefix("purchasing.").removesuffix(".v1")
        if kind == "record.quarantined":
            quarantined += 1
            continue
        clauses = sorted({basis["clause"] for basis in data["basis"]})
        output = {"clauses": clauses, "amount": (data.get("amount") or {}).get("value")}
        if kind == "decision.made":
            due = data.get("due_at")
            output |= {
                "outcome": data["outcome"],
                "due_at": instant_text(micros(due)) if due else None,
                "ground": data.get("ground"),
            }
            stories.setdefault((data["kind"], data["ref"]), []).append(output)
        else:
            names = [n for n in MEMBERS if n not in ("kind", "amount")]
            output |= {n: data.get(n) for n in names}
            stories.setdefault((kind, _subject(kind, data)), []).append(output)
    if quarantined:
        raise AssertionError("the history breaks the contract")
    return stories


def opinion(events: list[dict[str, Any]], sets: list[dict[str, Any]], until: str) -> tuple[Stories, Order | None]:
    """Outputs of the second opinion in the same form, and the orders' states."""
    published, orders = decide(events, sets, until)
    stories: Stories = {}
    for one in published:
        output = as_dict(one, ORDER)
        output["clauses"] = sorted(set(output["clauses"]))
        if isinstance(one, Command):
            stories.setdefault((output["kind"], _subject(output["kind"], output)), []).append(
                {n: output.get(n) for n in ("clauses", *MEMBERS) if n != "kind"}
            )
        else:
            stories.setdefault((output["what"], output["ref"]), []).append(
                {n: output[n] for n in ("clauses", *COMPARED)}
            )
    return stories, orders.get(ORDER)


def _subject(kind: str, data: dict[str, Any]) -> Any:
    return data.get("line") if kind == "refund.issue" else data.get("ref") or data.get("line")


def different(one: Stories, other: Stories) -> list[str]:
    """Differences between the outputs of both, product first."""

    def plain(output: list[dict[str, Any]]) -> list[dict[str, Any]]:
        return [{n: v for n, v in s.items() if n != "line" and v is not None} for s in output]

    found = []
    for key in sorted(one.keys() | other.keys(), key=str):
        theirs, mine = plain(one.get(key, [])), plain(other.get(key, []))
        if theirs != mine:
            found.append(f"{key}: product {theirs}; opinion {mine}")
    return found


def same_set(stories: Stories, order: Order | None) -> dict[Any, Any]:
    """The result that is the same for every arrival order (the principle "Same set, same result")."""
    if order is None:
        return {}
    found: dict[Any, Any] = {}
    plain = ("order_amount", "buyer_owes", "seller_excess", "third_party_fees", "foreign_currency")
    for (kind, ref), output in stories.items():
        last = output[-1]
        if kind in plain:
            if last["amount"] is not None:
                found[kind, ref] = last["amount"]
        elif kind not in STANDING and "." not in kind and kind != "hold" and last.get("outcome") != "superseded":
            found[kind, ref] = (last["outcome"], last["ground"])
    found |= {("net", line): net for line, net in order.final.items() if net}
    return found


def orders_of(history: History, how_many: int) -> list[list[dict[str, Any]]]:
    """Arrival orders: as it happened, the other way round, and shuffled more or less."""
    events = list(history.events)
    rng = Random(len(events))
    found = [events]
    if how_many > 1:
        found.append(events[::-1])
    while len(found) < how_many:
        mixed = list(events)
        if len(found) % 2:
            rng.shuffle(mixed)
        else:
            for _ in range(3):
                i = rng.randrange(len(mixed))
                mixed.insert(rng.randrange(len(mixed)), mixed.pop(i))
        found.append(mixed)
    return found


def until_of(events: list[dict[str, Any]]) -> str:
    return instant_text(max(micros(e["time"]) for e in events) + 45 * DAY)


def check(events: list[dict[str, Any]], sets: list[dict[str, Any]]) -> list[str]:
    """Differences between the product and the second opinion on events received in this order."""
    until = until_of(events)
    try:
        mine, _ = opinion(events, sets, until)
        return different(product(events, sets, until), mine)
    except Exception as error:  # noqa: BLE001 - whatever it raises is a difference
        return [f"neither: {error!r}"]


def play(history: History, how_many: int) -> tuple[list[str], list[dict[str, Any]]]:
    """Differences on a history, and the events in the arrival order with a difference.

    Where both agree in every arrival order, the second opinion itself must not depend on it. Records in quarantine are
    no facts: what was decided before one came stays, so histories with some are passed over in this.
    """
    until = until_of(history.events)
    ends: list[dict[Any, Any]] = []
    for events in orders_of(history, how_many):
        try:
            mine, order = opinion(events, history.sets, until)
            found = different(product(events, history.sets, until), mine)
        except Exception as error:  # noqa: BLE001 - whatever it raises is a difference
            found = [f"neither: {error!r}"]
        if found:
            return found, events
        ends.append(same_set(mine, order))
    if any("quarantined" in event for event in history.events):
        return [], []
    found = [
        f"{key}: {ends[0].get(key)} in order of time, {other.get(key)} otherwise"
        for other in ends[1:]
        for key in sorted(ends[0].keys() | other.keys(), key=str)
        if ends[0].get(key) != other.get(key)
    ]
    return found, []


def shrink(events: list[dict[str, Any]], sets: list[dict[str, Any]], wrong: Any) -> tuple[Any, Any]:
    """A smallest part of the events, their members and the terms that is still wrong in the same place."""
    kept = ("version", "provider_id", "effective_from")

    def parts(es: list[Any], ss: list[Any]) -> Iterator[tuple[list[Any], list[Any]]]:
        if ss:
            yield es, []
        for i in reversed(range(len(es))):
            yield es[:i] + es[i + 1 :], ss
        for i, event in enumerate(es):
            for name in event["data"]:
                slim = {n: v for n, v in event["data"].items() if n != name}
                yield [*es[:i], dict(event, data=slim), *es[i + 1 :]], ss
        for i, one in enumerate(ss):
            for name in [n for n in one if n not in kept]:
                yield es, [*ss[:i], {n: v for n, v in one.items() if n != name}, *ss[i + 1 :]]

    smaller: Any = (events, sets)
    while smaller is not None:
        events, sets = smaller
        smaller = next((part for part in parts(events, sets) if part[0] and wrong(*part)), None)
    return events, sets
