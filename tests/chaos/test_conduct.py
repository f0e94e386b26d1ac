"""The chaos run itself, without servers: its ideas of done, crashed and at work, and that it leaves nothing behind."""

import asyncio
import json
import os
import random
import signal
import subprocess
import sys
import time
from datetime import timedelta
from pathlib import Path
from typing import Any

import psutil
import pytest

from service.embedded.process import reserve_port
from tests.chaos import hurried, scene
from tests.chaos import run as running
from tests.chaos.at_places import held_up_at, killed_at
from tests.chaos.attendance import absences
from tests.chaos.cluster import MOVED, OLDER, Cluster, turn
from tests.chaos.evidence import Evidence, received_after
from tests.chaos.faults import FAULTS, SLOT
from tests.chaos.hands import TRIES, Hands
from tests.chaos.hostile import Hostile
from tests.chaos.memory import AT_REST, EXPANDED, MEBIBYTE, Memory
from tests.chaos.place import Place
from tests.chaos.proxy import Proxy, Way
from tests.chaos.pulse import longest_gap
from tests.chaos.records import structured
from tests.chaos.scene import Scene
from tests.chaos.tampering import Tampering
from tests.chaos.unharmed import BEGIN
from tests.chaos.worker import ROOT, Worker
from tests.delivery.service import eventually
from tests.waiting import HANG_SECONDS

LISTENS = "import os, signal, socket, sys; s = socket.socket(); s.bind(('127.0.0.1', 0)); s.listen(); "
WAITS = "import signal, sys; signal.signal(signal.SIGTERM, lambda *_: sys.exit({})); " + LISTENS + "signal.pause()"


class Stage(Place):
    """A place without servers. Its workers are scripts: each start takes the next, the last one again and again."""

    bootstrap, dsn = "127.0.0.1:1", "postgresql://127.0.0.1:1/chaos"

    def __init__(self, directory: Path, *scripts: str) -> None:
        super().__init__(directory, 1, hurried=True)
        self.scripts = list(scripts)
        self.failpoints: list[str] = []
        self.beside: list[set[int]] = []
        """At each start: which slots had a worker."""

    def start(self, slot: int, failpoints: str = "") -> Worker:
        self.started += 1
        self.failpoints.append(failpoints)
        self.beside.append(set(self.slots))
        script = self.scripts.pop(0) if len(self.scripts) > 1 else self.scripts[0]
        worker = self.slots[slot] = Worker(self.started, ["-c", script], {}, self.directory / "log")
        return worker

    def scene(self, slot: int = 0) -> Scene:
        return Scene(self, random.Random(1), slot)

    def addresses(self, _slot: int) -> tuple[str, str]:
        return self.bootstrap, self.dsn

    def networks(self) -> tuple[list[Proxy], list[Proxy]]:
        return [], []

    async def clear(self) -> None:
        for slot in list(self.slots):
            await self.kill(slot)


async def stopped(stage: Stage, *, listening: bool = True) -> list[str]:
    """Complaints after a worker was stopped in order."""
    worker = stage.start(0)
    if listening:
        await eventually(lambda: worker.port is not None, "the script to listen")
    await stage.stop(0)
    return stage.unexpected


async def test_a_worker_that_ends_well_when_it_is_asked_to_is_nothing_to_complain_of(tmp_path: Path) -> None:
    stage = Stage(tmp_path, WAITS.format(0))
    assert await stopped(stage) == []
    assert len(stage.ends) == 1


async def test_a_worker_that_gave_up_while_ending_is_a_crash(tmp_path: Path) -> None:
    (complaint,) = await stopped(Stage(tmp_path, WAITS.format(1)))
    assert "ended with 1" in complaint


async def test_a_worker_that_a_signal_ends_may_only_just_have_begun(tmp_path: Path) -> None:
    assert await stopped(Stage(tmp_path, "import signal; signal.pause()"), listening=False) == []
    (complaint,) = await stopped(Stage(tmp_path, LISTENS + "signal.pause()"))
    assert "ended with -15" in complaint


@pytest.mark.parametrize(
    ("script", "done", "crashes"),
    [("import os; os.kill(os.getpid(), 9)", True, 0), ("import sys; sys.exit(70)", False, 1)],
    ids=["as it should", "of something else"],
)
async def test_a_worker_that_dies_at_a_place_has_to_die_of_what_was_done_there(
    script: str, done: bool, crashes: int, tmp_path: Path
) -> None:
    stage = Stage(tmp_path, WAITS.format(0), script, WAITS.format(0))
    stage.start(0)
    await eventually(lambda: stage.slots[0].port is not None, "the script to listen")
    assert await killed_at("inbox.assigned")(stage.scene()) is done
    assert len(stage.unexpected) == crashes
    await stage.clear()


@pytest.mark.parametrize(
    ("place", "lanes", "beside"),
    [("relay.half_sent", 1, set()), ("relay.half_sent", 2, {1}), ("batch.before_commit", 1, {1})],
)
async def test_a_worker_that_is_to_come_by_the_only_lane_is_alone_until_then(
    place: str, lanes: int, beside: set[int], tmp_path: Path
) -> None:
    dies = "import os; os.kill(os.getpid(), 9)"
    stage = Stage(tmp_path, WAITS.format(0), WAITS.format(0), dies, WAITS.format(0))
    stage.lanes = lanes
    for slot in (0, 1):
        stage.start(slot)
    await eventually(lambda: all(worker.port for worker in stage.slots.values()), "the scripts to listen")
    assert await killed_at(place)(stage.scene()) is True
    assert stage.beside[2] == beside
    assert set(stage.slots) == {0, 1}
    await stage.clear()


async def test_two_hands_never_hold_up_workers_at_one_gate(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hurried, "LONGEST_SECONDS", 0.0)
    monkeypatch.setattr(scene, "REACHED_SECONDS", 0.1)
    stage = Stage(tmp_path, "import signal; signal.pause()")
    for slot in (0, 1):
        stage.start(slot)
    await asyncio.gather(*(held_up_at("batch.before_commit")(stage.scene(slot)) for slot in (0, 1)))
    gates = [failpoints.partition(":")[2].partition("@")[0] for failpoints in stage.failpoints if failpoints]
    assert len(set(gates)) == 2
    await stage.clear()


async def test_a_slot_without_a_worker_has_no_sessions_to_end(tmp_path: Path) -> None:
    assert await Stage(tmp_path, "").end_sessions(0, random.Random(1)) == 0


async def test_a_fault_that_failed_is_tried_again_and_reported(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tried: list[str] = []

    def fault(name: str, works_at: int) -> Any:
        async def do(_scene: Scene) -> bool:
            tried.append(name)
            return tried.count(name) >= works_at

        return (SLOT,), do

    for name, works_at in {"at once": 1, "at last": TRIES, "never": TRIES + 1}.items():
        monkeypatch.setitem(FAULTS, name, fault(name, works_at))
    monkeypatch.setattr("tests.chaos.hands.PAUSE_SECONDS", 0.0)
    hands = Hands(Stage(tmp_path, ""), 1, ("at once", "at last", "never"), 2)
    await hands.at_work(lambda: True, 2)
    await hands.caught_up()
    assert sorted(tried) == sorted(["at once", *["at last"] * TRIES, *["never"] * TRIES])
    assert hands.never_done == [f"never: tried {TRIES} times"]


def test_a_worker_whose_share_others_have_taken_over_is_not_at_work() -> None:
    well = {0: (200, "ready\n"), 1: (200, "ready\n")}
    assert absences(well, {"events": [15, 15], "lanes": [1, 3]}, 2) == []
    assert absences(well, {"events": [30], "lanes": [2, 2]}, 2) == ["events: 1 members, and 2 workers run"]
    assert absences(well, {"events": [30, 0], "lanes": [2, 2]}, 2) != []
    assert absences(well, {"events": [15, 15], "lanes": [1, 0]}, 2) == [], "one lane is for one"
    assert absences(well, {"events": [15, 15], "lanes": [0, 0]}, 2) != []
    (complaint,) = absences({**well, 1: (503, "It has not joined.\n")}, {"events": [15, 15], "lanes": [2, 2]}, 2)
    assert complaint == "slot 1: not ready (503): It has not joined."
    assert absences(well, {"events": [8, 8, 7, 7], "lanes": [1, 1, 1, 1]}, 4) == [], "two processes each"


def test_how_long_a_good_message_took_is_counted_from_its_first_record() -> None:
    hostile = Hostile(1)
    bad, good = hostile.bad("wrong types"), structured(hostile.event(id="e", source="/s"))
    at = dict(enumerate([BEGIN, BEGIN, BEGIN + timedelta(seconds=5)]))
    fact = {"source": "/s", "id": "e", "received_at": BEGIN + timedelta(seconds=2)}
    assert received_after(Evidence(sent=[bad, good, good], appended=at, facts={"o": [fact]})) == [2.0]


def test_memory_that_grows_or_is_more_than_a_batch_explains_is_complained_of() -> None:
    flat = [100 * MEBIBYTE] * 40
    assert Memory(flat, [AT_REST + 10 * EXPANDED]).complaints(bombs=10) == []
    assert len(Memory(flat, [AT_REST + 11 * EXPANDED]).complaints(bombs=10)) == 1
    assert len(Memory([*flat[:20], *(n * 10 * MEBIBYTE for n in range(10, 30))], flat).complaints(0)) == 2


async def test_bytes_on_a_stranded_connection_never_arrive_and_new_connections_work() -> None:
    received: list[bytes] = []

    async def listen(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while data := await reader.read(100):
            received.append(data)
        received.append(b"an end")
        writer.close()

    server = await asyncio.start_server(listen, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    proxy = Proxy(reserve_port(), port)
    await proxy.start()
    _, one = await asyncio.open_connection("127.0.0.1", proxy.port)
    one.write(b"one")
    await eventually(lambda: received == [b"one"], "the first to arrive")
    proxy.swallow()
    one.write(b"swallowed")
    proxy.strand()
    one.write(b"stranded")
    _, other = await asyncio.open_connection("127.0.0.1", proxy.port)
    other.write(b"other")
    await eventually(lambda: received == [b"one", b"other"], "the other to arrive")
    one.close()
    await eventually(lambda: received == [b"one", b"other", b"an end"], "the first to have ended")
    other.close()
    await proxy.close()
    server.close()


@pytest.mark.parametrize("way", Way)
async def test_a_network_swallows_what_goes_one_way_and_passes_the_other(way: Way) -> None:
    received: dict[Way, list[bytes]] = {one: [] for one in Way}

    async def listen(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writers.append(writer)
        while data := await reader.read(100):
            received[Way.TO_SERVER].append(data)

    async def receive(reader: asyncio.StreamReader) -> None:
        while data := await reader.read(100):
            received[Way.FROM_SERVER].append(data)

    writers: list[asyncio.StreamWriter] = []
    server = await asyncio.start_server(listen, "127.0.0.1", 0)
    proxy = Proxy(reserve_port(), server.sockets[0].getsockname()[1])
    await proxy.start()
    reader, writer = await asyncio.open_connection("127.0.0.1", proxy.port)
    receiving = asyncio.create_task(receive(reader))
    await eventually(lambda: writers, "the connection")
    proxy.swallow([way])
    writer.write(b"there")
    writers[0].write(b"back")
    (other,) = set(Way) - {way}
    await eventually(lambda: received[other], "what goes the other way")
    assert received[way] == []
    proxy.mend()
    await eventually(lambda: received[way], "what comes late")
    for one in (writer, writers[0]):
        one.close()
    await receiving
    await proxy.close()
    server.close()


@pytest.mark.parametrize(
    ("failovers", "recovering", "reason", "unexpected"),
    [
        (1, False, MOVED, 0),
        (0, False, MOVED, 1),
        (1, True, OLDER, 0),
        (1, False, OLDER, 1),
        (1, True, "KeyError", 1),
    ],
)
async def test_a_worker_may_end_for_another_timeline_only_after_a_failover(
    failovers: int, recovering: bool, reason: str, unexpected: int, tmp_path: Path
) -> None:
    cluster = Cluster(tmp_path, 1, hurried=True)
    cluster.failovers, cluster.recovering = failovers, recovering
    worker = Worker(1, ["-c", f"print({reason!r}); raise SystemExit(1)"], {}, tmp_path / "log")
    assert await worker.ended()
    cluster.crashed(worker)
    assert len(cluster.unexpected) == unexpected
    cluster.tampering.remove()


def test_a_silence_is_the_longest_time_without_an_output_and_has_both_ends() -> None:
    assert longest_gap([1.0, 2.0, 6.0, 7.0, 20.0], 1.5, 9.0) == 4.0
    assert longest_gap([1.0, 2.0], 1.5, 9.0) == 7.0
    assert longest_gap([], 1.5, 9.0) == 7.5


def test_a_leader_is_followed_by_the_replica_after_it() -> None:
    assert turn([1, 2, 3], 1) == [2, 3, 1]
    assert turn([1, 2, 3], 3) == [1, 2, 3]
    assert turn([1, 2, 3], -1) == [1, 2, 3]


def test_a_tampered_program_has_its_own_clock_and_a_disk_that_can_be_full(tmp_path: Path) -> None:
    tampering = Tampering()
    program = """
import os, sys, time
file = os.open(sys.argv[1], os.O_RDWR | os.O_CREAT)
for name, data in (("appended", b"12"), ("overwritten", b"1")):
    try:
        os.pwrite(file, data, 0)
    except OSError as error:
        name = error.strerror
    print(name)
print(time.time())
"""

    def run(*, full: bool) -> list[str]:
        (tampering.fill if full else tampering.free)("one")
        environment = {**os.environ, **tampering.variables("one", 3_600)}
        command = [sys.executable, "-c", program, str(tmp_path / "file")]
        return subprocess.run(command, env=environment, check=True, capture_output=True, text=True).stdout.split("\n")

    (tmp_path / "file").write_bytes(b"1")
    assert run(full=True)[:2] == ["No space left on device", "overwritten"]
    appended, overwritten, at, _ = run(full=False)
    assert (appended, overwritten) == ("appended", "overwritten")
    assert 3_500 < float(at) - time.time() < 3_700
    tampering.remove()


async def test_a_run_ends_when_nobody_looks_after_its_workers(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    class Unattended(Stage):
        async def __aenter__(self) -> Any:
            return self

        async def __aexit__(self, *_: object) -> None:
            await self.clear()

        def look_after(self) -> None:
            raise RuntimeError("nobody looks after them")

    monkeypatch.setattr(running, "OneOfEach", lambda *_, **__: Unattended(tmp_path, "import signal; signal.pause()"))
    with pytest.RaisesGroup(pytest.RaisesExc(RuntimeError, match="nobody looks")):
        await running.run(running.Plan(1, 100, 1, workers=1, faults=()))


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_however_a_run_ends_even_a_frozen_worker_ends_with_it(number: signal.Signals, tmp_path: Path) -> None:
    program = f"""
import signal, pathlib
from tests.chaos.worker import Worker
worker = Worker(1, ["-c", "import signal; signal.pause()"], {{}}, pathlib.Path({str(tmp_path / "log")!r}))
worker.send(signal.SIGSTOP)
print(worker.process.pid, flush=True)
signal.pause()
"""
    child = subprocess.Popen([sys.executable, "-c", program], cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    assert child.stdout is not None
    worker = psutil.Process(json.loads(child.stdout.readline()))
    child.send_signal(number)
    child.communicate(timeout=HANG_SECONDS)
    _, alive = psutil.wait_procs([worker], timeout=HANG_SECONDS)
    assert alive == []
