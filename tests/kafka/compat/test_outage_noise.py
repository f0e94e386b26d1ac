"""Left-over futures of aiokafka are not reported, everything else is; and a broker that is away is not hammered at."""

import asyncio
import gc
from types import SimpleNamespace
from typing import Any

import pytest
from aiokafka.client import AIOKafkaClient
from aiokafka.errors import KafkaError, ProducerFenced

from service.kafka.compat import outage_noise
from service.kafka.compat.outage_noise import pause_between_attempts, quiet_left_over_futures


@pytest.mark.parametrize(("error", "reported"), [(ProducerFenced(), 0), (ValueError("ours"), 1)])
@pytest.mark.parametrize("handled", [True, False])
async def test_only_kafkas_own_left_overs_are_silenced(
    error: Exception, reported: int, handled: bool, caplog: pytest.LogCaptureFixture
) -> None:
    loop = asyncio.get_running_loop()
    seen: list[dict[str, Any]] = []
    if handled:
        loop.set_exception_handler(lambda _, context: seen.append(context))
    quiet_left_over_futures(loop)
    future = loop.create_future()
    future.set_exception(error)
    del future
    gc.collect()
    told = len(seen) if handled else len([r for r in caplog.records if r.name == "asyncio"])
    assert told == reported


async def test_a_client_that_reached_no_broker_pauses_before_it_tries_again(monkeypatch: pytest.MonkeyPatch) -> None:
    pauses: list[float] = []

    async def sleep(seconds: float) -> None:
        pauses.append(seconds)

    monkeypatch.setattr(outage_noise, "asyncio", SimpleNamespace(sleep=sleep))
    # Set once more, so that it is as before when the test ends.
    monkeypatch.setattr(AIOKafkaClient, "_metadata_update", AIOKafkaClient._metadata_update)
    pause_between_attempts()
    pause_between_attempts()
    client = AIOKafkaClient(bootstrap_servers="127.0.0.1:9")
    assert not await client._metadata_update(client.cluster, [])
    with pytest.raises(KafkaError, match="Unable to get cluster metadata"):
        await client.fetch_all_metadata()
    assert pauses == [0.1, 0.1]
