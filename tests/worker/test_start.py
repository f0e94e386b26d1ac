"""A start waits for what may come back, also where it goes away in the middle, and can be ended wherever it is."""

import asyncio
import os
import signal
import subprocess
import sys
from contextlib import asynccontextmanager
from types import SimpleNamespace

import asyncpg
import pytest
from aiokafka.errors import KafkaConnectionError

from service.observability.reachability import UnreachableError, database_problem
from service.orders import unit_of_work
from service.runtime import retry
from service.runtime.errors import describe
from service.runtime.shutdown import Shutdown
from service.store.errors import StoreUnavailableError
from service.store.memory import MemoryStore
from service.worker import bootstrap, components, startup
from service.worker.retry_stuck import retry_stuck
from service.worker.startup import StartError
from tests.orders.conftest import engine_on
from tests.orders.stories import paid_order
from tests.waiting import HANG_SECONDS

URL = "postgresql://host/database"


@pytest.fixture(autouse=True)
def short_pauses(monkeypatch):
    monkeypatch.setattr(retry.Backoff, "pause", lambda *_: 0.0)


@pytest.fixture
def shutdown() -> Shutdown:
    return Shutdown(asyncio.Event())


SETTINGS = SimpleNamespace(consumer_group="purchasing")
KAFKA = {"bootstrap_servers": ["nobody:9092"]}


def in_turn(*answers):
    """Something to call that answers with these in turn, or raises them."""
    left = list(answers)

    async def answer(*_, **__):
        found = left.pop(0)
        if isinstance(found, Exception):
            raise found
        return found

    return answer


async def test_a_database_that_goes_away_during_the_start_is_waited_for(monkeypatch, shutdown):
    gone, waited = StoreUnavailableError("the connection to PostgreSQL was lost"), []
    monkeypatch.setattr(startup, "database_problem", in_turn("Connection refused", None, None, None))
    monkeypatch.setattr(startup, "schema_problem", in_turn(gone, None, None))
    monkeypatch.setattr(startup.PostgresStore, "open", in_turn(gone, "a store"))
    assert await startup.store_ready(URL, shutdown, waited.append) == "a store"
    assert waited == ["PostgreSQL: Connection refused", *2 * [f"PostgreSQL: {gone}"]]


async def test_tables_that_are_not_this_programs_are_not_waited_for(monkeypatch, shutdown):
    monkeypatch.setattr(startup, "database_problem", in_turn(None))
    monkeypatch.setattr(startup, "schema_problem", in_turn("the database lacks 0005"))
    with pytest.raises(StartError, match="lacks 0005"):
        await startup.store_ready(URL, shutdown, lambda _: None)


async def test_the_start_waits_for_server_errors_and_not_for_url_errors(monkeypatch):
    async def connect(**_):
        raise errors.pop()

    monkeypatch.setattr(asyncpg, "connect", connect)
    url = f"{URL}?target_session_attrs=primary"
    errors = [
        asyncpg.TargetServerAttributeNotMatched("none"),
        asyncpg.InternalClientError("cannot process message"),
        asyncpg.InterfaceError("connection is closed"),
    ]
    assert [await database_problem(url) for _ in range(3)] == [
        "InterfaceError",
        "InternalClientError",
        "it is not what target_session_attrs=primary asks for",
    ]
    errors = [asyncpg.ClientConfigurationError("`sslmode` parameter must be one of …")]
    with pytest.raises(UnreachableError, match="check its options"):
        await database_problem(url)


async def test_the_start_reports_that_it_waits_for_a_broker_that_went_away(monkeypatch, shutdown):
    """Both where the input is taken back and where the group is joined."""
    waited = []
    observed = SimpleNamespace(worker=SimpleNamespace(waits=waited.append))
    gone = KafkaConnectionError("Unable to bootstrap")
    monkeypatch.setattr(components, "rewind", in_turn(gone, False))
    store = SimpleNamespace(
        watermarks=in_turn({}, {}), input_agrees=in_turn(True, True), note_input_agrees=in_turn(None)
    )
    await components._rewound(SETTINGS, KAFKA, store, observed, shutdown)
    assert not await components._joined(SimpleNamespace(start=in_turn(gone)), observed, shutdown)
    assert waited == 2 * [f"Kafka: {describe(gone)}"]


async def test_the_start_waits_for_an_empty_group_if_the_database_may_lack_facts(monkeypatch, shutdown):
    waited, noted = [], []

    async def note(up_to):
        noted.append(up_to)

    monkeypatch.setattr(components, "rewind", in_turn(False, True))
    observed = SimpleNamespace(worker=SimpleNamespace(waits=waited.append))
    store = SimpleNamespace(watermarks=in_turn({}, {}), input_agrees=in_turn(False, False), note_input_agrees=note)
    await components._rewound(SETTINGS, KAFKA, store, observed, shutdown)
    assert waited == [f"the consumer group purchasing to have no members: {components.MEMBERS}"]
    assert noted == [{}]


def test_a_worker_refuses_the_consumer_group_of_another_cell():
    store = MemoryStore(lanes=4, cell=range(2, 4))
    with pytest.raises(StartError, match=r"set PURCHASING_CONSUMER_GROUP to purchasing\.lanes-2-3"):
        startup.refuse_foreign_group("purchasing.lanes-0-1", store)
    startup.refuse_foreign_group("purchasing.lanes-2-3", store)


async def test_asked_to_stop_while_it_joins_its_group_it_waits_for_no_broker(shutdown):
    left = []

    async def hangs():
        shutdown.request("SIGTERM")
        await asyncio.Event().wait()

    async def stop():
        left.append(True)

    inbox = SimpleNamespace(start=hangs, stop=stop)
    async with components._started(lambda: inbox, SimpleNamespace(), shutdown) as joined:
        assert joined is None
    assert left == [True]


def test_a_shutdown_that_hangs_is_ended_by_force_which_is_logged():
    program = (
        "import asyncio, time; from service.runtime.shutdown import Shutdown, force_exit_after;"
        "force_exit_after(0.1, Shutdown(asyncio.Event())); time.sleep(60)"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, timeout=HANG_SECONDS, check=False
    )
    assert done.returncode == 1
    assert "ended by force" in done.stdout + done.stderr


async def test_asked_to_stop_during_its_start_the_process_is_gone_in_time_whatever_hangs(monkeypatch):
    armed = asyncio.Event()

    async def hangs(*_):
        os.kill(os.getpid(), signal.SIGTERM)
        await armed.wait()

    @asynccontextmanager
    async def unobserved(*_):
        yield SimpleNamespace(poller=SimpleNamespace(run=asyncio.Event.wait))

    monkeypatch.setattr(bootstrap, "force_exit_after", lambda seconds, _shutdown: armed.set() if seconds < 30 else None)
    monkeypatch.setattr(bootstrap, "connection_of", lambda _: KAFKA)
    monkeypatch.setattr(bootstrap, "telemetry_component", unobserved)
    monkeypatch.setattr(bootstrap, "_start", hangs)
    ended = await asyncio.wait_for(bootstrap.serve(None), HANG_SECONDS)
    assert ended.exit_code() == 0


async def test_all_stuck_orders_are_looked_at_again_however_many_stay_stuck(monkeypatch):
    store, looked = MemoryStore(), []
    engine = engine_on(store)
    orders = [f"ord-{n}" for n in range(7)]
    monkeypatch.setattr(unit_of_work, "decide", lambda *_: 1 / 0)
    await engine.handle([inbound_record for order in orders for inbound_record in paid_order(order)])

    async def look_again(some):
        looked.append(list(some))
        await engine.look_again(some)

    await asyncio.wait_for(retry_stuck(store, look_again, asyncio.Event(), orders_at_once=3), HANG_SECONDS)
    assert looked == [orders[:3], orders[3:6], orders[6:]]
