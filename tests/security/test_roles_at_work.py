"""Each command of the service with the role it is for, on the guarded database."""

import asyncio
import logging
import re
import shlex
from pathlib import Path

import pytest

from service import cli
from service.store.postgres import PostgresStore
from tests.deploy.documents import RUNBOOK
from tests.orders.conftest import engine_on
from tests.orders.stories import paid_order, record
from tests.security.site import Database

TERMS = """
[[terms]]
version = "later"
provider_id = "*"
effective_from = 2199-01-01T00:00:00Z
service_fee_rate = "0.002"
"""


@pytest.fixture
def run(monkeypatch, capsys, guarded: Database):
    """Run a command as a user of a role; return its exit code and output."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level

    def command(role: str, *arguments: str) -> tuple[int, str]:
        monkeypatch.setenv("PURCHASING_DATABASE_URL", guarded.dsn(role))
        monkeypatch.setenv("PURCHASING_KAFKA_BOOTSTRAP_SERVERS", "127.0.0.1:9")
        code = cli.main(arguments)
        said = capsys.readouterr()
        return code, said.out + said.err

    yield command
    root.handlers[:], root.level = handlers, level


@pytest.fixture
def filled(guarded: Database) -> Database:
    """Two orders and three quarantined records, by the service's own role."""

    async def fill() -> None:
        store = await PostgresStore.open(guarded.dsn("service"), connections=1)
        bad = [record(b"no JSON", key=b"ord-1") for _ in range(3)]
        await engine_on(store).handle([*paid_order("ord-1"), *paid_order("ord-2"), *bad])
        await store.close()
        await guarded.execute(
            "insert into circuit_breakers (topic, bad, records) values ('purchasing.events.order.v1', 9, 9)"
        )

    asyncio.run(fill())
    return guarded


def names(run) -> list[str]:
    """The names of the quarantined records."""
    return [line.split()[0] for line in run("reader", "quarantine", "list")[1].splitlines() if line.startswith("purch")]


def test_an_operator_does_an_operators_work(run, filled: Database, tmp_path: Path) -> None:
    first, second, _ = names(run)
    (tmp_path / "terms.toml").write_text(TERMS)
    assert run("operator", "quarantine", "show", first, "--content")[0] == 0
    assert run("operator", "quarantine", "replay", first)[0] == 3
    assert run("operator", "quarantine", "drop", second, "--why", "tests")[0] == 0
    assert run("operator", "order", "hold", "ord-1", "--why", "tests")[0] == 0
    assert run("operator", "order", "release", "ord-1")[0] == 0
    assert run("operator", "order", "retry", "ord-2")[0] == 0
    assert run("operator", "outbox", "pause", "--why", "tests")[0] == 0
    assert run("operator", "outbox", "status")[0] == 3
    assert run("operator", "outbox", "resume")[0] == 0
    assert run("operator", "breaker", "reset", "purchasing.events.order.v1", "--why", "tests")[0] == 0
    assert run("operator", "terms", "import", str(tmp_path / "terms.toml"))[0] == 0
    code, said = run("operator", "erase", "ord-1", "--why", "tests")
    assert code == 1
    assert "lacks a right (permission denied for table" in said


def test_an_eraser_erases_and_does_nothing_else(run, filled: Database) -> None:
    assert run("eraser", "erase", "ord-1", "--why", "asked for")[0] == 0
    rows = asyncio.run(filled.fetch("select value from quarantine where order_id = 'ord-1'"))
    assert {row[0] for row in rows} <= {None}
    for forbidden in (("order", "hold", "ord-1", "--why", "x"), ("outbox", "pause", "--why", "x")):
        code, said = run("eraser", *forbidden)
        assert code == 1
        assert "lacks a right (permission denied for table" in said


def test_a_reader_reads(run, filled: Database) -> None:
    assert run("reader", "explain", "ord-1")[0] == 0
    assert run("reader", "what-if")[0] in (0, 4)
    assert run("reader", "terms", "list")[0] == 0
    assert run("reader", "order", "list")[0] == 0
    (first, *_) = names(run)
    for forbidden in (
        ("quarantine", "show", first, "--content"),
        ("order", "retry", "ord-1"),
        ("order", "release", "ord-1"),
    ):
        code, said = run("reader", *forbidden)
        assert code == 1
        assert "lacks a right (permission denied for" in said


def test_migrating_is_for_the_owner(run, filled: Database) -> None:
    asyncio.run(filled.execute("delete from schema_migrations where number = 5"))
    code, said = run("service", "migrate")
    assert code == 1
    assert "lacks a right (permission denied for" in said


RIGHTS = re.findall(r"^\| (any role|an operator)'s \| (.+) \|$", RUNBOOK.read_text(), re.MULTILINE)
LACKS = "lacks a right (permission denied for"


def commands_for(whose: str) -> list[list[str]]:
    """The runbook's commands for these rights, as they would be typed. Without those that ask Kafka."""
    (said,) = [row for who, row in RIGHTS if who == whose]
    stands_for = {"ORDER": "ord-2", "TOPIC": "purchasing.events.order.v1", "…": "tests"}
    found = [[stands_for.get(word, word) for word in shlex.split(one)] for one in re.findall(r"`([^`]+)`", said)]
    return [words for words in found if words[0] not in ("lag", "doctor", "lanes", "topics") and words[-1] != "verify"]


def test_looking_needs_no_more_rights_than_a_worker_or_a_reader_has(run, filled: Database) -> None:
    (record, *_) = names(run)
    commands = commands_for("any role")
    assert len(commands) > 6
    for role in ("service", "reader", "operator"):
        for words in commands:
            code, said = run(role, *[record if word == "RECORD" else word for word in words])
            assert (code in (0, 3, 4), LACKS in said) == (True, False), (role, words, said)


def test_an_operators_commands_of_the_runbook_are_refused_to_a_reader(run, filled: Database, tmp_path: Path) -> None:
    (tmp_path / "terms.toml").write_text(TERMS)
    (first, second, third) = names(run)
    records = {"--content": first, "replay": second, "drop": third}
    # The archive's need orders that can be archived: `test_roles` has who may move them.
    commands = [words for words in commands_for("an operator") if words[0] != "archive"]
    assert len(commands) > 8
    for words in commands:
        record = next((records[word] for word in words if word in records), "")
        typed = [{"RECORD": record, "FILE": str(tmp_path / "terms.toml")}.get(word, word) for word in words]
        refused, said = run("reader", *typed)
        assert (refused, LACKS in said) == (1, True), (words, said)
        done, said = run("operator", *typed)
        assert (done in (0, 3), LACKS in said) == (True, False), (words, said)


def test_a_worker_may_stop_the_outbox_and_not_do_what_the_toolbox_is_for(run, filled: Database) -> None:
    (record, *_) = names(run)
    assert run("service", "outbox", "pause", "--why", "x")[0] == 0
    for words in (
        ("outbox", "resume"),
        ("breaker", "reset", "purchasing.events.order.v1"),
        ("quarantine", "show", record, "--content"),
        ("quarantine", "replay", record),
        ("quarantine", "drop", record, "--why", "x"),
    ):
        code, said = run("service", *words)
        assert (code, LACKS in said) == (1, True), (words, said)
