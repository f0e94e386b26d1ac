"""Run the service: read events, decide, publish.

It waits for a database or a broker that is away, and says why. It ends with a sentence if only a person can help: wrong
settings, an old schema, missing topics. SIGTERM and SIGINT stop it in order.

--processes runs several worker processes behind one port for health and metrics: by default one per core
(PURCHASING_PROCESSES), at most one per partition of an event topic. A process that dies is started again.

With --embedded it starts its own Kafka and PostgreSQL, to try things out. This needs no settings. Its data is
in .embedded/. It runs one process unless --processes says otherwise. --brokers 3 starts a cluster as real
installations have it: three brokers, and PostgreSQL with two standbys. It has data of its own.
"""

import argparse
import asyncio
import os
import signal
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import structlog

from service.cli.expected_errors import sentence_for
from service.embedded import EmbeddedStack
from service.embedded.cluster import BROKERS_MAX
from service.kafka import compat
from service.kafka.connection import connection_of
from service.kafka.topics import create_topics
from service.observability import logs
from service.runtime import failpoints
from service.runtime.database_url import parse_database_url
from service.runtime.errors import catch_unexpected
from service.runtime.exit_codes import ExitCode
from service.runtime.settings import PROCESSES_MAX, Settings, load, unknown_variables
from service.store.migrate import migrate
from service.store.postgres import PostgresStore
from service.store.substitute_clock import EVENTS, FASTEST, set_clock
from service.worker.bootstrap import serve
from service.worker.process_report import report_reason
from service.worker.supervisor import default_processes, supervise

log = structlog.get_logger("service")

HOME = Path(".embedded")

EXAMPLES = (
    ("Run the service; the settings are in the environment", "run"),
    ("Run one worker process", "run --processes 1"),
    ("Try it without a broker and a database of your own", "run --embedded"),
    ("Try it with a clock that follows the times of the events", "run --embedded --clock events"),
)


def add(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of `run`."""
    parser.add_argument("--embedded", action="store_true", help="start a Kafka and a PostgreSQL too")
    parser.add_argument(
        "--brokers", metavar="N", type=_brokers, help="with --embedded only: number of brokers, 1 (default) or 3 to 5"
    )
    parser.add_argument("--processes", metavar="N", type=_count, help="number of worker processes")
    # Internal: the number of this process under a supervisor.
    parser.add_argument("--member", metavar="NUMBER", type=int, help=argparse.SUPPRESS)
    parser.add_argument(
        "--clock",
        metavar="FACTOR|events",
        type=_clock,
        help="with --embedded only: time passes FACTOR times as fast, or follows the times of the events",
    )


def run(arguments: argparse.Namespace) -> int:
    """Run until asked to stop; return the exit code. Raises SettingsError and EmbeddedError."""
    if arguments.member is not None:
        return _run_member(arguments.member)
    if arguments.embedded:
        return asyncio.run(_embedded(arguments.clock, arguments.processes, arguments.brokers or 1))
    if arguments.clock is not None:
        sys.stderr.write("--clock needs --embedded: a service that moves money uses the real time.\n")
        return ExitCode.USAGE
    if arguments.brokers is not None:
        sys.stderr.write("--brokers needs --embedded: other brokers are started by whoever runs them.\n")
        return ExitCode.USAGE
    settings = load()
    _log(settings)
    return asyncio.run(_serve(settings, arguments.processes or settings.processes or default_processes(), {}))


async def _serve(settings: Settings, processes: int, given: Mapping[str, Any]) -> int:
    """`given` are settings that come before the environment's."""
    if processes == 1:
        return (await serve(settings)).exit_code()
    return await supervise(settings, processes, given)


def _run_member(number: int) -> int:
    """Be one of a supervisor's processes. Why it ends, where a person has to do something, the supervisor says."""
    codes: list[int] = []

    def report(error: Exception) -> None:
        sentence = sentence_for(error)
        if sentence is None:
            raise error
        report_reason(sentence)
        codes.append(ExitCode.NOT_DONE)

    with catch_unexpected(report):
        settings = load()
        logs.configure(settings.log_format, settings.log_level, process=number, console_url=settings.console_url)
        codes.append(asyncio.run(serve(settings, number)).exit_code())
    return codes[0]


def _count(text: str) -> int:
    if not (text.isdecimal() and 1 <= int(text) <= PROCESSES_MAX):
        raise argparse.ArgumentTypeError(f"{text}: not a number from 1 to {PROCESSES_MAX}")
    return int(text)


def _brokers(text: str) -> int:
    # A cluster of two has no majority when it loses one.
    if text not in ("1", *map(str, range(3, BROKERS_MAX + 1))):
        raise argparse.ArgumentTypeError(f"{text}: neither 1 nor a number from 3 to {BROKERS_MAX}")
    return int(text)


def _clock(text: str) -> str:
    if text != EVENTS:
        try:
            if not 0 < float(text) <= FASTEST:
                raise ValueError(text)
        except ValueError:
            raise argparse.ArgumentTypeError(f"{text} is neither `events` nor a number up to {FASTEST:,}") from None
    return text


def _log(settings: Settings) -> None:
    logs.configure(settings.log_format, settings.log_level, console_url=settings.console_url)
    for name in unknown_variables(os.environ):
        if name == failpoints.VARIABLE:
            log.warning("failpoints_armed", message="Failpoints are armed. Use this process for tests only.")
        else:
            log.warning(
                "variable_unknown", message="The service has no such setting. Check the spelling.", variable=name
            )


async def _embedded(clock: str | None, processes: int | None, brokers: int) -> int:
    # Until the service handles SIGTERM itself, treat it like an interrupt: stop both servers.
    main = asyncio.current_task()
    assert main is not None
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, main.cancel)
    # A database and the topics that it wrote to belong together.
    home = HOME if brokers == 1 else HOME / f"{brokers}-brokers"
    async with EmbeddedStack(home, brokers=brokers, progress=_print_line) as stack:
        given = {
            "kafka_bootstrap_servers": stack.kafka.bootstrap_servers,
            "kafka_security_protocol": "PLAINTEXT",
            "database_url": stack.postgres.dsn,
            # Any free port, because 8080 is often taken.
            "http_port": 0,
        }
        settings = load(**given)
        _log(settings)
        await migrate(settings.database())
        if clock is not None:
            await set_clock(settings.database(), clock)
        store = await PostgresStore.open(settings.database(), connections=1)
        lanes = store.installation.lanes
        await store.close()
        compat.install()
        await create_topics(connection_of(settings), lanes, replicas=settings.topic_replicas)
        _print_line("To run other commands, set this in another terminal in this directory:")
        _print_line(f'  export PURCHASING_KAFKA_BOOTSTRAP_SERVERS="{stack.kafka.bootstrap_servers}"')
        _print_line(f'  export PURCHASING_DATABASE_URL="{_without_password(stack)}"')
        return await _serve(settings, processes or settings.processes or 1, given)


def _without_password(stack: EmbeddedStack) -> str:
    """Return the URL for a shell, which reads the password from its file. Our output may be stored."""
    account, _, place = stack.postgres.dsn.rpartition("@")
    user = parse_database_url(f"{account}@{place}").user
    return f"postgresql://{user}:$(cat {stack.postgres.password_file})@{place}"


def _print_line(text: str) -> None:
    sys.stderr.write(f"{text}\n")
    sys.stderr.flush()
