"""One event per line, no personal data in it, and no floods."""

import io
import json
import logging

import pytest
import structlog
from aiokafka.errors import NodeNotReadyError, NotLeaderForPartitionError

from service.observability import logs
from service.observability.logs import FloodGate
from service.outbox.errors import LaneStopped
from service.outbox.lane import Lane
from service.runtime.errors import describe, places

PRIVATE = "Warehouse 3, Baiyun District"


@pytest.fixture
def restored():
    root, before = logging.getLogger(), (logging.getLogger().handlers[:], logging.getLogger().level)
    yield
    root.handlers[:], root.level = before
    structlog.reset_defaults()


@pytest.fixture
def stream(restored):
    stream = io.StringIO()
    logs.configure("json", "info", stream)
    return stream


def lines(stream):
    return [json.loads(line) for line in stream.getvalue().splitlines()]


def test_an_event_is_one_line_of_json_that_begins_with_name_and_sentence(stream):
    structlog.get_logger("service.x").info("order_stored", message="Stored.\nReally.", order="ord-1", offset=3)
    (line,) = lines(stream)
    assert list(line)[:4] == ["timestamp", "level", "event", "message"]
    del line["timestamp"]
    assert line == {
        "level": "info",
        "event": "order_stored",
        "message": "Stored. Really.",
        "logger": "service.x",
        "order": "ord-1",
        "offset": 3,
    }


def test_a_line_about_an_order_or_a_record_has_its_page_where_a_console_is_known(restored):
    stream = io.StringIO()
    logs.configure("json", "info", stream, console_url="https://console.example")
    log = structlog.get_logger("service.x")
    log.info("order_stuck", message="Stuck.", order="a/b?\ud800")
    log.info("order_stuck", message="Stuck.", order="..")
    log.info("record_quarantined", message="Bad.", order="ord-1", topic="t.v1", partition=2, offset=9)
    log.info("breaker_open", message="Open.", topic="t.v1", order=None)
    assert [line.get("page") for line in lines(stream)] == [
        "https://console.example/orders/a%2Fb%3F%3F",
        "https://console.example/orders/by-id?id=..",
        "https://console.example/messages?topic=t.v1&partition=2&offset=9",
        None,
    ]


def test_a_line_has_no_page_where_no_console_is_known(stream):
    structlog.get_logger("service.x").info("order_stuck", message="Stuck.", order="ord-1")
    assert "page" not in lines(stream)[0]


def test_the_console_shows_name_and_sentence(restored):
    stream = io.StringIO()
    logs.configure("console", "info", stream)
    structlog.get_logger("service.x").info("order_stored", message="Stored.", order="ord-1")
    logging.getLogger("some.library").warning("attempt %d", 3)
    ours, librarys = stream.getvalue().splitlines()
    assert "Stored." in ours
    assert "event=order_stored" in ours
    assert "order=ord-1" in ours
    assert "attempt 3" in librarys


def test_lines_of_libraries_have_the_same_form(stream):
    logging.getLogger("some.library").warning("attempt %d", 3)
    (line,) = lines(stream)
    assert (line["message"], line["level"]) == ("attempt 3", "warning")
    assert "event" not in line


def test_an_exceptions_text_is_not_logged_but_its_class_and_place_are(stream):
    try:
        raise ValueError(PRIVATE)
    except ValueError as error:
        structlog.get_logger("service.x").error("Failed.", exc_info=error)
        logging.getLogger("some.library").exception("Failed there.")
    for line in lines(stream):
        assert line["error"] == "ValueError"
        assert "test_logs.py" in line["at"][-1]
    assert PRIVATE not in stream.getvalue()


def test_a_value_that_is_no_json_is_shown_by_its_class(stream):
    class Event:
        def __repr__(self):
            return PRIVATE

    structlog.get_logger("service.x").info("Seen.", what=Event())
    assert lines(stream)[0]["what"] == "Event"


def test_a_flood_is_cut_off_and_counted(stream):
    for number in range(logs.BURST + 20):
        logging.getLogger("aiokafka").error("Unable to connect to node %d", number)
    logging.getLogger("aiokafka").error("Something else")
    assert len(lines(stream)) == logs.BURST + 1


async def test_each_stopped_lane_logs_place_and_reason_however_many_stop(stream):
    lanes = [Lane(n, None, None, {}, None, None) for n in range(logs.BURST + 20)]
    for lane in lanes:
        for _ in range(2 * logs.BURST):
            lane._handle_error(OSError("away"))
            lane._handle_error(RuntimeError())
        lane._handle_error(LaneStopped(f"its reason {lane.lane}"))
    said = [(line["event"], line["lane"], line["state"], line["reason"]) for line in lines(stream)]
    for lane in lanes:
        assert ("lane_not_publishing", lane.lane, "stopped", f"its reason {lane.lane}") in said


def test_after_a_while_a_line_passes_again_with_the_number_of_dropped_ones():
    now = [0.0]
    gate = FloodGate(burst=2, window=30.0, clock=lambda: now[0])
    record = [logging.LogRecord("aiokafka", logging.ERROR, "", 0, "away", (), None) for _ in range(6)]
    assert [gate.filter(one) for one in record[:4]] == [True, True, False, False]
    now[0] = 31.0
    assert gate.filter(record[4])
    assert record[4].suppressed == 2
    assert gate.filter(record[5])
    assert not hasattr(record[5], "suppressed")


def test_the_memory_of_the_flood_gate_is_bounded():
    gate = FloodGate()
    for number in range(logs.KINDS_REMEMBERED * 2):
        gate.filter(logging.LogRecord("x", logging.ERROR, "", 0, f"kind {number}", (), None))
    assert len(gate._kinds) == logs.KINDS_REMEMBERED


class FakeDatabaseError(Exception):
    def __init__(self, sqlstate):
        super().__init__(f"invalid input: {PRIVATE}" if sqlstate.startswith("22") else "deadlock detected")
        self.sqlstate = sqlstate


def test_only_texts_known_to_be_free_of_values_are_shown():
    assert describe(ConnectionRefusedError(111, "Connection refused")).endswith("Connection refused")
    assert describe(FakeDatabaseError("40P01")) == "FakeDatabaseError (40P01): deadlock detected"
    assert describe(FakeDatabaseError("22P02")) == "FakeDatabaseError (22P02)"
    assert describe(KeyError(PRIVATE)) == "KeyError"
    assert describe(NodeNotReadyError("node 1")) == "NodeNotReadyError: node 1"
    assert describe(NotLeaderForPartitionError()) == "NotLeaderForPartitionError: [Error 6]"


def test_the_cause_of_an_error_is_named_without_its_text():
    def fail():
        try:
            raise KeyError(PRIVATE)
        except KeyError as error:
            raise RuntimeError(PRIVATE) from error

    with pytest.raises(RuntimeError) as raised:
        fail()
    found = places(raised.value)
    assert found[0] == "after KeyError"
    assert found[-1].endswith(" fail")
    assert PRIVATE not in "".join(found)
