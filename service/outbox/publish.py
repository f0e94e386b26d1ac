"""One Kafka transaction: some rows of a lane and the cursor that counts them."""

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
# The journal's values are JSON as we write it, in which no text holds this unescaped.
_TRACEPARENT = re.compile(rb'"traceparent":"([^"\\]+)"')


async def publish(producer: Any, rows: Sequence[Row], cursor: Cursor) -> None:
    """Publish the rows (at least one) and the cursor, which stands at the last of them, all or nothing.

    Raises RecordsRefusedError where Kafka won't have a record, else whatever aiokafka raises, and
    TimeoutError. After any error it is unknown whether the transaction was committed, and the producer is of
    no more use.
    """
    given = _Given()
    try:
        async with asyncio.timeout(STEP_SECONDS):
            await producer.begin_transaction()
            await _send(producer, rows, cursor, given)
    except REFUSALS as error:
        position, topic = _place_of(error, rows, given)
        raise RecordsRefusedError(
            position, topic, missing_acl(error) or type(error).__name__, alone=len(rows) == 1, until=cursor.position
        ) from error
    finally:
        # Where one failed the others have too, or will: nobody awaits them any more.
        for _, future in given.sent:
            future.add_done_callback(_seen)
    await failpoint("relay.in_transaction")
    async with asyncio.timeout(STEP_SECONDS):
        await producer.commit_transaction()
    await failpoint("relay.after_commit")


@dataclass(slots=True)
class _Given:
    """What the client was given of a transaction: of each record batch the index of its first row and its future;
    `index` is that of the row being given now. The cursor's index is the number of rows."""

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
        # The transaction failed while we were sending; the next to send is told only that there is none.
        raise transaction_error(producer) or error from None
    # Every one of them: aiokafka tells a refusal to the record's future only, and would commit all the rest.
    for _, future in given.sent:
        await future


async def _send_rows(producer: Any, rows: Sequence[Row], lane: bytes, given: _Given) -> None:
    """Send the rows in record batches: one per partition, and a further one where that is full.

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
        # A batch takes its first record however large that is.
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
    """What stands beside the value: its place in the outbox, and its trace, where instrumented clients look for it."""
    headers = [CONTENT_TYPE, ("lane", lane), ("position", str(row.position).encode())]
    found = _TRACEPARENT.search(row.value)
    return [*headers, ("traceparent", found[1])] if found else headers


def _place_of(error: BaseException, rows: Sequence[Row], given: _Given) -> tuple[int, str]:
    """Position and topic of the record that was refused: the first of a topic that the error names, else the first of
    the batch that it was told to, else the one that couldn't be sent.
    """
    refused = refused_topics(error)
    named = (n for n, topic in enumerate([*(row.topic for row in rows), CURSOR_TOPIC]) if topic in refused)
    failed = (first for first, future in given.sent if future.done() and future.exception() is error)
    n = next(named, next(failed, given.index))
    if n < len(rows):
        return rows[n].position, rows[n].topic
    return rows[-1].position, CURSOR_TOPIC


def _seen(future: "asyncio.Future[Any]") -> None:
    if not future.cancelled():
        future.exception()
