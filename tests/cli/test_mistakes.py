"""Mistakes of people are reported in a sentence, and taken neither for success nor for a fault of the program."""

import subprocess
import sys
from urllib.parse import urlsplit

import pytest

from tests.cli.commands import command

OF_THE_DATABASE = (
    ("explain", "ord-1"),
    ("what-if",),
    ("outbox", "status"),
    ("order", "list"),
    ("erase", "ord-1"),
)
KAFKA = {"PURCHASING_KAFKA_BOOTSTRAP_SERVERS": "127.0.0.1:1"}


@pytest.mark.parametrize("words", OF_THE_DATABASE, ids=" ".join)
async def test_a_user_that_postgresql_does_not_know_is_no_fault_of_the_program(words, database) -> None:
    url = urlsplit(database)
    nobody = url._replace(netloc=f"nobody:wrong@{url.hostname}:{url.port}").geturl()
    done = command(nobody, *words, **KAFKA)

    assert done.code == 1, done.err
    assert "PostgreSQL refuses the connection that PURCHASING_DATABASE_URL describes" in done.err
    assert "wrong" not in done.err


@pytest.mark.parametrize("words", [("explain", "ord-1"), ("what-if",), ("terms", "list")], ids=" ".join)
async def test_a_database_without_tables_is_to_be_migrated(words, empty_database) -> None:
    done = command(empty_database, *words)

    assert (done.code, "python -m service migrate" in done.err) == (1, True), done.err


async def test_an_option_of_the_url_that_is_none_is_not_a_lost_connection(database) -> None:
    done = command(f"{database}?sslmode=bogus", "explain", "ord-1")

    assert done.code == 1
    assert done.err.startswith("PURCHASING_DATABASE_URL is not valid: its option sslmode can only be disable or allow")
    assert "bogus" not in done.err


async def test_a_lane_that_is_none_pauses_nothing(database) -> None:
    assert command(database, "outbox", "pause", "--lane=-1", "--why", "x").code == 2
    assert command(database, "outbox", "status").code == 0


async def test_the_number_of_lanes_is_not_changed_in_passing(database) -> None:
    has = command(database, "migrate")
    other = command(database, "migrate", "--lanes", "16")
    cell = command(database, "migrate", "--cell", "0-1", "--lanes", "4")

    assert (has.code, has.err) == (0, "Nothing to do.\n")
    assert other.code == 1
    assert "lanes, not 16. Use `lanes change` to add lanes." in other.err
    assert (cell.code, cell.err) == (1, "Nothing to do.\nThe database has the lanes 0 to 3, which can't be changed.\n")


async def test_a_release_check_of_an_unknown_order_checked_nothing(database) -> None:
    done = command(database, "what-if", "--order", "nosuch")

    assert (done.code, done.err.splitlines()[-1]) == (1, "No message about order nosuch was received.")


async def test_a_limit_is_one_for_a_currency(database) -> None:
    done = command(database, "run", **KAFKA, PURCHASING_REFUND_LIMIT_PER_MINUTE="CNY=1,CNY=5")

    assert done.code == 1
    assert "PURCHASING_REFUND_LIMIT_PER_MINUTE is not valid" in done.err


def test_a_closed_pipe_ends_a_command_quietly() -> None:
    """Of output that is still in a buffer when the reader is gone, too."""
    program = [sys.executable, "-m", "service", "clauses", "--json"]
    with subprocess.Popen(program, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout is not None
        process.stdout.close()
        assert process.stderr is not None
        said = process.stderr.read()

    assert (process.returncode, said) == (0, b"")
