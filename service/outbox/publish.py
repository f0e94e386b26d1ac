"""One Kafka transaction: rows of a lane, and the cursor that counts them."""

import asyncio
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from aiokafka.errors import IllegalOperation

from service.kafka.compat.client_shutdown import transaction_error
from service.kafka.partitions import partition_of
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
    given = _Given()
    try:
        async with asyncio.timeout(STEP_SECONDS):
            await producer.begin_transaction()
            await _send(producer, rows, cursor, given)
    except REFUSALS as error:
        position, topic = _refused_record(error, rows, given)
        raise RecordsRefusedError(
            position, topic, missing_acl(error) or type(error).__name__, alone=len(rows) == 1, until=cursor.position
        ) from error
    finally:
        # If one send failed, the others fail too, and nobody awaits them any more.
        for _, future in given.sent:
            future.add_done_callback(_mark_retrieved)
    await failpoint("relay.in_transaction")
    async with asyncio.timeout(STEP_SECONDS):
        await producer.commit_transaction()
    await failpoint("relay.after_commit")


@dataclass(slots=True)
class _Given:
    """The records of a transaction given to the client. `sent`: per record batch, the index of its first row and its
    future. `index`: that of the row being sent. The cursor's index is the number of rows."""

    sent: "list[tuple[int, asyncio.Future[Any]]]" = field(default_factory=list)
    index: int = 0


async def _send(producer: Any, rows: Sequence[Row], cursor: Cursor, given: _Given) -> None:
    number = str(cursor.lane).encode()
    try:
        await _send_rows(producer, rows, number, given)
        await failpoint("relay.half_sent")
        given.index = len(rows)
        given.sent.append(
            (given.index, await producer.send(CURSOR_TOPIC, encode(cursor), number, partition=cursor.lane))
        )
    except IllegalOperation as error:
        # The transaction failed during the sends; the next `send` reports only that there is none.
        raise transaction_error(producer) or error from None
    # Await each future: aiokafka reports a refused record only to its future, and would commit the others.
    for _, future in given.sent:
        await future


async def _send_rows(producer: Any, rows: Sequence[Row], lane: bytes, given: _Given) -> None:
    """Send the rows in record batches: one per partition, and another one when that is full.

    A future per batch instead of one per record halves the client's work. Within a partition the rows keep their order.
    """
    partitions: dict[str, int] = {}
    filling: dict[tuple[str, int], tuple[int, Any]] = {}
    for index, row in enumerate(rows):
        given.index = index
        if row.topic not in partitions:
            partitions[row.topic] = len(await producer.partitions_for(row.topic))
        key = row.key.encode()
        place = (row.topic, partition_of(key, partitions[row.topic]))
        record = {"timestamp": None, "key": key, "value": row.value, "headers": headers_of(row, lane)}
        if place in filling:
            if filling[place][1].append(**record) is not None:
                continue
            await _send_batch(producer, place, *filling[place], given)
        # A batch accepts its first record however large it is.
        batch = producer.create_batch()
        batch.append(**record)
        filling[place] = (index, batch)
    for place, (first, batch) in filling.items():
        await _send_batch(producer, place, first, batch, given)


async def _send_batch(producer: Any, place: tuple[str, int], first: int, batch: Any, given: _Given) -> None:
    topic, partition = place
    given.index = first
    given.sent.append((first, await producer.send_batch(batch, topic, partition=partition)))


def headers_of(row: Row, lane: bytes) -> list[tuple[str, bytes]]:
    """Return the record's headers: place in the outbox, and trace, where instrumented clients look for it."""
    headers = [CONTENT_TYPE, ("lane", lane), ("position", str(row.position).encode())]
    found = traceparent_of(row)
    return [*headers, ("traceparent", found.encode())] if found else headers


def traceparent_of(row: Row) -> str | None:
    """Return the W3C trace context that the output continues, if any."""
    found = _TRACEPARENT.search(row.value)
    return found[1].decode() if found else None


def _refused_record(error: BaseException, rows: Sequence[Row], given: _Given) -> tuple[int, str]:
    """Return position and topic of the refused record.

    That is the first record of a topic that the error names, else the first of the record batch whose send has this
    error, else the one that was being sent.
    """
    refused = refused_topics(error)
    named = (n for n, topic in enumerate([*(row.topic for row in rows), CURSOR_TOPIC]) if topic in refused)
    failed = (first for first, future in given.sent if future.done() and future.exception() is error)
    n = next(named, next(failed, given.index))
    if n < len(rows):
        return rows[n].position, rows[n].topic
    return rows[-1].position, CURSOR_TOPIC


def _mark_retrieved(future: "asyncio.Future[Any]") -> None:
    if not future.cancelled():
        future.exception()
