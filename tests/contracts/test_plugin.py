"""The pytest plugin in a project of another team: idle until asked, and then what that team needs."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from purchasing_contracts.base import instant_of
from purchasing_contracts.testing.stand_in import StandIn, StandInError, simulate_command

from tests.golden import cases
from tests.waiting import HANG_SECONDS

PROJECT = """
from datetime import UTC, datetime

from purchasing_contracts.envelope import decode_published
from purchasing_contracts.events.order import CancellationRequested
from purchasing_contracts.producing import new_event
from purchasing_contracts.shipped import examples


class Refunds:
    def __init__(self):
        self.done = []

    def handle(self, record):
        attributes, command = decode_published(record.value)
        if command.command_id not in self.done:
            self.done.append(command.command_id)


def test_we_act_once(purchasing_stream):
    refunds = Refunds()
    purchasing_stream(seed=3).prove_once(refunds.handle, lambda: refunds.done)


def test_we_understand_every_command(purchasing_commands):
    assert {decode_published(record.value)[1].TYPE for record in purchasing_commands}


def test_a_cancelled_order_is_refunded(purchasing_service):
    for type_ in ("purchasing.order.placed.v1", "purchasing.order.accepted.v1"):
        purchasing_service.send(examples(type_)["whole"].read_bytes().replace(b"evt-1", type_.encode()))
    captured = examples("purchasing.payment.captured.v1")["minimal"].read_bytes()
    purchasing_service.send(captured.replace(b"evt-1", b"evt-captured"))
    cancelled = CancellationRequested(request_id="can-1", channel="platform")
    time = datetime(2026, 3, 2, 10, tzinfo=UTC)
    purchasing_service.send(new_event(cancelled, order_id="ord-1001", source="/us", event_id="c-1", time=time))

    refunds = [data for _, data in purchasing_service.published() if data.TYPE == "purchasing.refund.issue.v1"]

    assert [refund.line for refund in refunds] == ["purchase"]
"""


@pytest.fixture
def project(tmp_path: Path) -> Path:
    (tmp_path / "test_us.py").write_text(PROJECT)
    # A package of theirs that happens to have the service's name.
    (tmp_path / "service").mkdir()
    (tmp_path / "service" / "__init__.py").write_text("raise RuntimeError('this is another service')")
    return tmp_path


def run(project: Path, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "--rootdir", str(project), *arguments],
        cwd=project,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        check=False,
        timeout=HANG_SECONDS,
    )


def test_another_teams_tests_pass_with_the_fixtures(project: Path) -> None:
    done = run(project)

    assert done.returncode == 0, done.stdout
    assert "3 passed" in done.stdout


def test_the_plugin_loads_nothing_until_a_test_asks(project: Path) -> None:
    (project / "test_us.py").write_text(
        "import sys\ndef test_idle():\n"
        "    assert [name for name in sys.modules if name.startswith('purchasing_contracts') and 'testing' not in name]"
        " == ['purchasing_contracts']\n    assert 'pydantic' not in sys.modules\n"
    )

    done = run(project)

    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize("way", ["environment", "configuration"])
def test_the_command_that_simulates_can_be_given(project: Path, way: str) -> None:
    command = f"{sys.executable} -c \"print('no JSON')\""
    (project / "pytest.ini").write_text(
        f"[pytest]\npurchasing_simulate = {command}\n" if way == "configuration" else ""
    )

    done = run(project, "-k", "cancelled", **({"PURCHASING_SIMULATE": command} if way == "environment" else {}))

    assert done.returncode == 1
    assert "1 failed" in done.stdout


def test_without_the_service_the_fixture_names_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("purchasing_contracts.testing.stand_in.DISTRIBUTION", "purchasing-service-that-is-not-there")

    with pytest.raises(StandInError, match=r"pip install purchasing-service.*purchasing_simulate"):
        simulate_command()


def test_the_stand_in_publishes_what_a_worked_example_expects() -> None:
    case = next(case for case in cases() if case.name.startswith("13"))
    service = StandIn(simulate_command())
    raw = case.path.read_bytes()

    service.send(*_values(raw))
    published = service.published()

    refunds = [
        data.model_dump()["amount"]["value"] for _, data in published if data.TYPE == "purchasing.refund.issue.v1"
    ]
    assert refunds == [command["amount"] for command in case.commands if command["kind"] == "refund.issue"]
    assert [record.key for record in service.records()] == [b"ord-1001"] * len(published)


def test_the_stand_in_goes_on_to_a_time_so_that_deadlines_fire() -> None:
    case = next(case for case in cases() if case.name.startswith("23"))
    service = StandIn(simulate_command())
    # Without the last event, which comes when the deadline has passed.
    service.send(*_values(case.path.read_bytes())[:-1])

    before = {data.model_dump().get("outcome") for _, data in service.published()}
    after = {data.model_dump().get("outcome") for _, data in service.published(instant_of(case.until))}

    assert after - before == {"deemed_confirmed"}


def test_a_bad_event_becomes_a_notice_and_a_complaint_and_the_others_go_on() -> None:
    service = StandIn(simulate_command())
    service.send(b'{"specversion": "1.0"}')

    (notice,) = [data for _, data in service.published()]

    assert notice.TYPE == "purchasing.record.quarantined.v1"
    assert "not_cloudevent" in service.complaints[0]


@pytest.mark.parametrize(
    ("command", "said"),
    [(["no-such-program"], "can't be run"), ([sys.executable, "-c", "raise SystemExit('broken')"], "broken")],
)
def test_an_unreachable_service_is_reported(command: list[str], said: str) -> None:
    with pytest.raises(StandInError, match=said):
        StandIn(command).published()


def _values(raw: bytes) -> list[bytes]:
    return [json.dumps(event).encode() for event in json.loads(raw)["events"]]
