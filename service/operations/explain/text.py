"""An explanation as text, to be read aloud."""

from __future__ import annotations

import textwrap
from typing import TYPE_CHECKING

from service.operations.wording import amount_in_words

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    from service.operations.explain.explanation import Explanation, Line

WIDTH = 110


def text_of(told: Explanation) -> Iterator[str]:
    """Yield the lines."""
    yield f"Order {told.order_id}"
    if told.provider_id is not None:
        yield f"  account {told.account_id}, provider {told.provider_id}, terms {told.terms_version}, {told.currency}"
    yield from ("", "What happened")
    for one in told.happened:
        late = " (late)" if one.nth < max(other.nth for other in told.happened if other.at <= one.at) else ""
        yield f"  {_when(one.at)}  {one.words}"
        yield f"{'':23}heard as number {one.nth}, {_when(one.heard_at)}{late}"
    yield from ("", "What was decided")
    for made in told.decided:
        unpublished = "" if made.published else "  [not published yet]"
        yield f"  {_when(made.at)}  {made.version}. {made.words}{unpublished}"
        for clause, because in made.basis:
            yield from textwrap.wrap(
                f"clause {clause}: {because}", WIDTH, initial_indent=" " * 26, subsequent_indent=" " * 28
            )
    yield from ("", "The money")
    for line in told.lines:
        yield f"  {line.line}: {_line(line, told.currency)}"
    if told.waiting:
        yield from ("", "Waiting for")
    for waiting in told.waiting:
        until = "" if waiting.until is None else f", until {_when(waiting.until)}"
        yield f"  {waiting.what}{until}"


def _when(at: datetime) -> str:
    return f"{at:%Y-%m-%d %H:%M:%S}"


def _line(line: Line, currency: str | None) -> str:
    parts = (
        ("paid in", line.captured),
        ("charged back", line.charged_back),
        ("due", line.due),
        ("commanded", line.commanded),
        ("failed", line.failed),
        ("paid back", line.repaid),
        ("withheld", line.withheld),
        ("demanded back", line.demanded),
        ("not commanded yet", line.to_command),
    )
    shown = [
        f"{name} {amount_in_words(value, currency)}" for name, value in parts if value or name in ("due", "commanded")
    ]
    return ", ".join(shown)
