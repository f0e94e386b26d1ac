"""One Kafka transaction: rows of a lane, and the cursor that counts them."""

import asyncio
import re
from collections.abc import Sequence
from typing import Any

from aiokafka.errors import IllegalOperation

from service.kafka.compat.client_shutdown import transaction_error
from service.outbox.cursor import CURSOR_TOPIC, Cursor, encode
from service.outbox.errors import REFUSALS, RecordsRefusedError
from service.outbox.reader import Row
from service.runtime.acl_errors import missing_acl, refused_topics
from service.runtime.failpoints import failpoint

STEP_SECONDS = 10.0
"""Limit of each step that waits for Kafka: as long as the broker keeps a transaction open."""

CONTENT_TYPE = ("content-type", b"application/cloudevents+json")
# The journal's values are JSON written by this service, in which no string contains this text unescaped.
_TRACEPARENT = re.compile(rb'"traceparent":"([^"\\]+)"')


async def publish(producer: Any, rows: Sequence[Row], cursor: Cursor) -> None:
    """Publish the rows (at least one) and the cursor, whose position is the last row's, all or nothing.

    Raises RecordsRefusedError if Kafka refuses a record, else aiokafka's errors and TimeoutError. After an error it is
    unknown whether the transaction was committed, and the producer can't be used again.
    """
    sent: list[asyncio.Future[Any]] = []
    try:
        async with asyncio.timeout(STEP_SECONDS):
            await producer.begin_transaction()
            await _send(producer, rows, cursor, sent)
    except REFUSALS as error:
        position, topic = _refused_record(error, rows, sent)
        raise RecordsRefusedError(
            position, topic, missing_acl(error) or type(error).__name__, alone=len(rows) == 1, until=cursor.position
        ) from error
    finally:
        # If one send failed, the others fail too, and nobody awaits them any more.
        for future in sent:
            future.add_done_callback(_mark_retrieved)
    await failpoint("relay.in_transaction")
    async with asyncio.timeout(STEP_SECONDS):
        await producer.commit_transaction()
    await failpoint("relay.after_commit")


async def _send(producer: Any, rows: Sequence[Row], cursor: Cursor, sent: list["asyncio.Future[Any]"]) -> None:
    number = str(cursor.lane).encode()
    try:
        for row in rows:
            headers = headers_of(row, number)
            sent.append(await producer.send(row.topic, row.value, row.key.encode(), headers=headers))
        await failpoint("relay.half_sent")
        sent.append(await producer.send(CURSOR_TOPIC, encode(cursor), number, partition=cursor.lane))
    except IllegalOperation as error:
        # The transaction failed during the sends; the next `send` reports only that there is none.
        raise transaction_error(producer) or error from None
    # Await each future: aiokafka reports a refused record only to its future, and would commit the others.
    for future in sent:
        await future


def headers_of(row: Row, lane: bytes) -> list[tuple[str, bytes]]:
    """Return the record's headers: place in the outbox, and trace, where instrumented clients look for it."""
    headers = [CONTENT_TYPE, ("lane", lane), ("position", str(row.position).encode())]
    found = _TRACEPARENT.search(row.value)
    return [*headers, ("traceparent", found[1])] if found else headers


def _refused_record(
    error: BaseException, rows: Sequence[Row], sent: Sequence["asyncio.Future[Any]"]
) -> tuple[int, str]:
    """Return position and topic of the refused record.

    That is the first record of a topic that the error names, else the first whose send has this error, else the one
    after the last sent.
    """
    refused = refused_topics(error)
    named = (n for n, topic in enumerate([*(row.topic for row in rows), CURSOR_TOPIC]) if topic in refused)
    failed = (n for n, future in enumerate(sent) if future.done() and future.exception() is error)
    n = next(named, next(failed, len(sent)))
    if n < len(rows):
        return rows[n].position, rows[n].topic
    return rows[-1].position, CURSOR_TOPIC


def _mark_retrieved(future: "asyncio.Future[Any]") -> None:
    if not future.cancelled():
        future.exception()
