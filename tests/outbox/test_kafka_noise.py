"""Left-over futures of aiokafka are not reported, everything else is."""

import asyncio
import gc
from typing import Any

import pytest
from aiokafka.errors import ProducerFenced

from service.ops.kafka_noise import calm


@pytest.mark.parametrize(("error", "reported"), [(ProducerFenced(), 0), (ValueError("ours"), 1)])
@pytest.mark.parametrize("handled", [True, False])
async def test_only_kafkas_own_left_overs_are_silenced(
    error: Exception, reported: int, handled: bool, caplog: pytest.LogCaptureFixture
) -> None:
    loop = asyncio.get_running_loop()
    seen: list[dict[str, Any]] = []
    if handled:
        loop.set_exception_handler(lambda _, context: seen.append(context))
    calm(loop)
    future = loop.create_future()
    future.set_exception(error)
    del future
    gc.collect()
    told = len(seen) if handled else len([r for r in caplog.records if r.name == "asyncio"])
    assert told == reported
