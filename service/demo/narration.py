"""The timeline of an order for a support agent: events, decisions, commands, and the reasons."""

from __future__ import annotations

import json
import textwrap
from typing import TYPE_CHECKING, Any

from purchasing_contracts.decisions import DecisionMade
from purchasing_contracts.topics import class_of

from service.demo.stories import TimePasses
from service.operations.wording import basis_in_words, fact_in_words, output_in_words

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from datetime import datetime

    from service.demo.stories import Sent, Step, Story

WIDTH = 110


def narrate(story: Story, steps: Sequence[tuple[Step, Sequence[Any]]]) -> Iterator[str]:
    """Yield the lines of an order's timeline: each step with the outputs that it caused."""
    yield ""
    yield f"━━ {story.order_id}: {story.title}"
    latest: datetime | None = None
    for sent, published in steps:
        if isinstance(sent, TimePasses):
            yield f"  {sent.until:%d %b %H:%M}  Time has passed, and no event came."
        else:
            late = sent.at is not None and latest is not None and sent.at < latest
            yield from _came_in(sent, late=late)
            latest = max(sent.at, latest) if sent.at is not None and latest is not None else sent.at or latest
        for data in published:
            yield from _came_out(data)


def _came_in(sent: Sent, *, late: bool) -> Iterator[str]:
    when = "" if sent.at is None else f"{sent.at:%d %b %H:%M}"
    if sent.at is None:
        yield f"  {when:12}  ✗ {sent.note}: quarantined; the other messages are handled"
        return
    event = json.loads(sent.value)
    kind = class_of(event["type"])
    assert kind is not None
    words = fact_in_words(kind.model_validate_json(json.dumps(event["data"])))
    remark = sent.note or ("received only now" if late else "")
    yield f"  {when:12}  {words}" + (f"  [{remark}]" if remark else "")


def _came_out(data: Any) -> Iterator[str]:
    if not hasattr(data, "basis"):
        yield f"{'':16}  ⇒ notice on the quarantine topic: {data.reason} at offset {data.offset}"
        return
    mark = "·" if isinstance(data, DecisionMade) else "⇒"
    yield f"{'':16}{mark} {output_in_words(data)}"
    why = f"clause {basis_in_words(data.basis)}."
    yield from textwrap.wrap(why, WIDTH, initial_indent=" " * 20, subsequent_indent=" " * 20)
