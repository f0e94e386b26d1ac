"""Run the console: pages for people and the read API, in a process of its own.

Needs the extra `console`. Reads PURCHASING_DATABASE_URL, whose user has the roles purchasing_reader and
purchasing_console (and purchasing_operator, purchasing_private, if people act and see private members there), and
PURCHASING_CONSOLE_*. With PURCHASING_KAFKA_* it also asks the broker how far the workers
are. On loopback it prints a link that lets one browser in.
"""

from __future__ import annotations

import asyncio
import os
import sys
from typing import TYPE_CHECKING

import structlog

from service.kafka import compat
from service.kafka.connection import connection_of
from service.observability import logs
from service.runtime.exit_codes import ExitCode
from service.runtime.settings import ConsoleSettings, load_console, load_console_kafka, unknown_variables

if TYPE_CHECKING:
    import argparse

    from service.console.broker import Broker

log = structlog.get_logger("service")

EXAMPLES = (("Run it for this computer alone, and print a link that lets a browser in", "console"),)


def add(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of `console`: none."""
    del parser


def run(arguments: argparse.Namespace) -> int:
    """Run until asked to stop. Raises SettingsError, ConsoleError, PortError, NotUsableError."""
    del arguments
    settings = load_console()
    logs.configure(settings.log_format, settings.log_level)
    for name in unknown_variables(os.environ):
        log.warning("variable_unknown", message="The service has no such setting. Check the spelling.", variable=name)
    return asyncio.run(serve(settings, _broker())) if is_installed() else ExitCode.NOT_DONE


def is_installed() -> bool:
    """Return whether the extra `console` is installed; print to stderr which part is missing."""
    try:
        import service.console.server  # noqa: F401
    except ModuleNotFoundError as error:
        sys.stderr.write(f"The console needs the extra `console` ({error.name} is missing).\n")
        return False
    return True


async def serve(settings: ConsoleSettings, broker: Broker | None) -> int:
    """Run until asked to stop. Raises PortError, NotUsableError."""
    from service.console.server import ConsoleError, serve_console

    try:
        await serve_console(settings, _print_line, broker)
    except ConsoleError as error:
        sys.stderr.write(f"{error}\n")
        return ExitCode.NOT_DONE
    return ExitCode.DONE


def _broker() -> Broker | None:
    """Return the broker of the environment; None where it names none. Raises SettingsError."""
    from service.console.broker import Broker

    settings = load_console_kafka()
    if settings is None:
        return None
    compat.install()
    return Broker(connection_of(settings), settings.consumer_group)


def _print_line(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()
