"""The question "what if" about an order: a message that did not come, and what would follow. Nothing is stored."""

from __future__ import annotations

import json
from functools import cache
from typing import TYPE_CHECKING, Any

from purchasing_contracts.base import text_of
from purchasing_contracts.envelope import Event
from purchasing_contracts.shipped import example
from purchasing_contracts.topics import TOPICS, class_of

from service.console.links import order_link
from service.console.message_models import SupposedModel, TrialRequest
from service.console.problems import unknown_order
from service.console.stories import UnknownOrder
from service.console.trial_pages import sent_message, trial_model, trial_words, tried_as
from service.console.visit import Answer, BadRequestError, order_of
from service.operations.sentence import sentence
from service.operations.wording import fact_in_words
from service.store.order_history import SIZE_MAX

if TYPE_CHECKING:
    from collections.abc import Mapping

    from service.console.parts import Parts
    from service.console.visit import Visit
    from service.operations.sentence import Sentence
    from service.store.order_history import OrderHistory
    from service.store.rows import StoreTime

SOURCE, ID = "/what-if", "what-if-1"
"""Of a message that is supposed."""


async def suppose_form(console: Parts, visit: Visit) -> Answer:
    """Show what could happen to an order; `type` in the query writes such a message out."""
    order_id = order_of(visit.request)
    async with console.stories.readers.histories() as histories:
        size, clock = await histories.size(order_id), await histories.clock()
        history = await histories.of(order_id) if 0 < size <= SIZE_MAX else None
    if history is None:
        found = await console.stories.of(order_id)
        assert isinstance(found, UnknownOrder)
        return unknown_order(found)
    type_ = visit.request.query.get("type", "")
    supposed = {one: _supposed(one, history, clock) for one in _types()}
    value = json.dumps(supposed[type_], indent=2, ensure_ascii=False) if type_ in supposed else ""
    sent = TrialRequest(value=value)
    choices = {one: _words(one, event["data"]) for one, event in supposed.items()}
    context = _context(order_id, choices, type_, sent) | {"tried": None}
    model = SupposedModel(types=list(choices), value=value)
    return Answer("suppose.html", sentence("What if"), context, lambda _language: model, known_id=order_id)


async def suppose(console: Parts, visit: Visit) -> Answer:
    """Show what would follow for an order if a message came now."""
    order_id = order_of(visit.request)
    sent, _ = await sent_message(visit)
    sent = sent.model_copy(update={"key": sent.key or order_id})
    tried = await tried_as(console, visit, sent)
    if isinstance(tried.decoded, Event) and tried.decoded.subject != order_id:
        raise BadRequestError("The message names another order.")
    choices = {one: _words(one, example(one, "minimal")["data"]) for one in _types()}
    context = _context(order_id, choices, "", sent) | trial_words(tried)
    return Answer(
        "suppose.html", sentence("What if"), context, lambda language: trial_model(tried, language), known_id=order_id
    )


def _context(order_id: str, choices: Mapping[str, Sentence], chosen: str, sent: TrialRequest) -> dict[str, Any]:
    action = order_link(order_id, page="what-if")
    return {
        "order_id": order_id,
        "action": action,
        "by_id": "?" in action,
        "choices": choices,
        "chosen": chosen,
        "sent": sent,
    }


@cache
def _types() -> tuple[str, ...]:
    """Return the types of what can happen to an order."""
    return tuple(one.TYPE for topic in TOPICS if topic.direction == "in" for one in topic.messages)


def _words(type_: str, data: Any) -> Sentence:
    message = class_of(type_)
    assert message is not None
    return fact_in_words(message.model_validate_json(json.dumps(data)))


def _supposed(type_: str, history: OrderHistory, clock: StoreTime) -> dict[str, Any]:
    """Return the shortest example of a type as a message about this order now, with the ids that its facts have."""
    event: dict[str, Any] = example(type_, "minimal")
    known: dict[str, str] = {}
    for fact in history.facts:
        # A type's own ids are new with each of its messages.
        if fact.row.type != type_:
            _collect(json.loads(fact.row.data), known)
    for output in history.outputs:
        data = json.loads(output.row.value)["data"]
        known |= {name: data[name] for name in ("command_id", "deduction_id", "hold_id") if name in data}
    data = _adapted(event["data"], known)
    return event | {"id": ID, "source": SOURCE, "subject": history.order_id, "time": text_of(clock.now), "data": data}


def _collect(value: Any, known: dict[str, str]) -> None:
    """Note the latest of each id, and the currency."""
    if isinstance(value, list):
        for one in value:
            _collect(one, known)
    elif isinstance(value, dict):
        for name, member in value.items():
            if isinstance(member, str) and (name.endswith("_id") or name == "currency"):
                known[name] = member
            else:
                _collect(member, known)


def _adapted(value: Any, known: Mapping[str, str]) -> Any:
    if isinstance(value, list):
        return [_adapted(one, known) for one in value]
    if isinstance(value, dict):
        return {
            name: known.get(name, member) if isinstance(member, str) else _adapted(member, known)
            for name, member in value.items()
        }
    return value
