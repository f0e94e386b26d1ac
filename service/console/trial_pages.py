"""Try a message: what would become of it now. Nothing is stored, and what is pasted is never logged."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import structlog
from purchasing_contracts.envelope import Event, Refusal, decode
from pydantic import ValidationError

from service.console.access import Right
from service.console.broker import EVENT_TOPICS
from service.console.contract_pages import example_of
from service.console.message_models import TrialModel, TrialRequest
from service.console.stories import TooLargeError
from service.console.visit import Answer, BadRequestError
from service.operations.sentence import sentence
from service.operations.try_message import CONFLICT, WHAT_TO_DO, empty_history, preview, topic_for
from service.operations.wording import fact_in_words, output_in_words
from service.runtime.errors import catch_unexpected, describe
from service.store.driver_errors import translated
from service.store.messages import messages_with_id
from service.store.order_history import SIZE_MAX
from service.terms.table import read_book

if TYPE_CHECKING:
    from collections.abc import Sequence

    from service.console.language import PlainLanguage
    from service.console.parts import Parts
    from service.console.visit import Visit
    from service.operations.sentence import Sentence
    from service.operations.try_message import Preview
    from service.rules.ledger import Output

log = structlog.get_logger("service.console")

TRIAL_BYTES = 256 * 1024
"""Of the request: most messages have a few thousand bytes."""
HEADERS_MAX = 64


class Trial(NamedTuple):
    """The result of trying a message."""

    topic: str
    decoded: Event | Refusal
    reason: str | None
    """The reason for which it would be quarantined; None: it would not."""
    known: Preview | None
    """None: it breaks the contract, or the visitor may not see orders."""
    fails: bool
    """The rules would fail on the order."""


async def trial_form(_console: Parts, visit: Visit) -> Answer:
    """Show the form to paste a message into, or one with an example of the contract."""
    query = visit.request.query
    sent = TrialRequest(value=example_of(query.get("type", ""), query.get("example", "")) or "")
    context = {"sent": sent, "headers_text": "", "tried": None, "topics": EVENT_TOPICS}
    return Answer("trial.html", sentence("Try a message"), context, lambda _language: sent)


async def trial(console: Parts, visit: Visit) -> Answer:
    """Return what the service would make of a message now."""
    sent, headers_text = await sent_message(visit)
    tried = await tried_as(console, visit, sent)
    context = {"sent": sent, "headers_text": headers_text, "topics": EVENT_TOPICS} | trial_words(tried)
    return Answer("trial.html", sentence("Try a message"), context, lambda language: trial_model(tried, language))


def trial_words(tried: Trial) -> dict[str, object]:
    """Return what the part of a page needs that shows the result of a trial."""
    return {
        "tried": tried,
        "is_event": isinstance(tried.decoded, Event),
        "fact": fact_in_words(tried.decoded.data) if isinstance(tried.decoded, Event) else None,
        "outputs": None if tried.known is None or tried.known.outputs is None else _in_words(tried.known.outputs),
        "todo": WHAT_TO_DO,
    }


async def sent_message(visit: Visit) -> tuple[TrialRequest, str]:
    """Return what was sent, as JSON or by the form, and the headers as they were typed."""
    # The body may be larger here than elsewhere. Reading one larger still raises HTTPRequestEntityTooLarge.
    request = visit.request.clone(client_max_size=TRIAL_BYTES)
    if request.content_type == "application/json":
        try:
            sent = TrialRequest.model_validate_json(await request.read())
        except ValidationError:
            raise BadRequestError(
                "Give an object with value, key, headers and topic; the last three may be absent."
            ) from None
        return sent, ""
    form = await request.post()
    fields = {name: text for name in ("value", "key", "headers", "topic") if isinstance(text := form.get(name), str)}
    text = fields.get("headers", "")
    pairs = [line.partition(":") for line in text.splitlines() if line.strip()]
    headers = [(name.strip(), content.strip()) for name, _, content in pairs]
    value, key, topic = (fields.get(name, "") for name in ("value", "key", "topic"))
    return TrialRequest(value=value, key=key, headers=headers, topic=topic.strip()), text


async def tried_as(console: Parts, visit: Visit, sent: TrialRequest) -> Trial:
    """Return what the service would make of a message now. Raises BadRequestError, StoreError, TooLargeError."""
    if len(sent.headers) > HEADERS_MAX:
        raise BadRequestError("A message that is tried has at most 64 headers.")
    if sent.topic and sent.topic not in EVENT_TOPICS:
        raise BadRequestError("Give a topic that the service reads, or none.")
    value, key = _bytes(sent.value), _bytes(sent.key)
    headers = [(name, _bytes(content)) for name, content in sent.headers]
    types = [content for name, content in headers if name == "ce_type"]
    topic = sent.topic or topic_for(value, types[-1] if types else None) or EVENT_TOPICS[0]
    decoded = decode(topic, key or None, value or None, headers)
    if isinstance(decoded, Refusal):
        return Trial(topic, decoded, decoded.reason, None, fails=False)
    if not visit.may(Right.ORDERS):
        return Trial(topic, decoded, None, None, fails=False)
    found = await _preview(console, decoded)
    return Trial(topic, decoded, None if found is None else found.refused, found, fails=found is None)


async def _preview(console: Parts, event: Event) -> Preview | None:
    """Return what would follow; None if the rules fail on the order. Raises StoreError, TooLargeError."""
    async with console.stories.readers.histories() as histories:
        if await histories.size(event.subject) > SIZE_MAX:
            raise TooLargeError
        history = await histories.of(event.subject) or empty_history(event.subject)
        elsewhere = await messages_with_id(histories.connection, event.id, event.source)
        clock = await histories.clock()
        async with translated():
            book = await read_book(histories.connection)
    if any(one.order_id != event.subject for one in elsewhere):
        return CONFLICT
    found: list[Preview] = []
    tolerance = console.settings.future_tolerance()
    with catch_unexpected(_rules_failed):
        found.append(await console.stories.compute(preview, event, history, book, clock, tolerance))
    return found[0] if found else None


def _rules_failed(error: Exception) -> None:
    log.warning("console_trial_failed", message="The rules failed on a message that was tried.", error=describe(error))


def _bytes(text: str) -> bytes:
    """Return a text as it is sent. A lone surrogate is no text: it becomes bytes that are no UTF-8."""
    return text.encode("utf-8", "surrogatepass")


def _in_words(outputs: Sequence[Output]) -> list[tuple[Sentence, Output]]:
    return [(output_in_words(one.data), one) for one in outputs]


def trial_model(tried: Trial, language: PlainLanguage) -> TrialModel:
    """Return the result of a trial for programs."""
    outputs = None if tried.known is None or tried.known.outputs is None else _in_words(tried.known.outputs)
    decoded = tried.decoded
    todo = None if tried.reason is None else language.translate(WHAT_TO_DO[tried.reason])
    if isinstance(decoded, Refusal):
        return TrialModel(
            is_valid=False,
            topic=tried.topic,
            reason=decoded.reason,
            place=decoded.place,
            because=decoded.because,
            todo=todo,
            fact=None,
            order_id=decoded.order_id,
            is_known=None,
            outputs=None,
        )
    return TrialModel(
        is_valid=tried.reason is None,
        topic=tried.topic,
        reason=tried.reason,
        place=None,
        because=None,
        todo=todo,
        fact=language.translate(fact_in_words(decoded.data)),
        order_id=decoded.subject,
        is_known=None if tried.known is None else tried.known.is_known,
        outputs=None if outputs is None else [language.translate(words) for words, _ in outputs],
    )
