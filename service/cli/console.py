"""Run the console: pages for people and the read API, in a process of its own.

Needs the extra `console`. Reads PURCHASING_DATABASE_URL, whose user has the roles purchasing_reader and
purchasing_console, and PURCHASING_CONSOLE_*. On loopback it prints a link that lets one browser in.
"""

import argparse
import asyncio
import os
import sys

import structlog

from service.observability import logs
from service.runtime.settings import ConsoleSettings, load_console, unknown_variables

log = structlog.get_logger("service")


def add(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of `console`: none."""
    del parser


def run(arguments: argparse.Namespace) -> int:
    """Run until asked to stop. Raises SettingsError, ConsoleError, PortError, NotUsableError."""
    del arguments
    settings = load_console()
    logs.configure(settings.log_format, settings.log_level)
    for variable in unknown_variables(os.environ):
        log.warning("This variable is none of the service's: a typing error?", variable=variable)
    return _serve(settings)


def _serve(settings: ConsoleSettings) -> int:
    try:
        from service.console.server import ConsoleError, serve_console
    except ModuleNotFoundError as error:
        sys.stderr.write(f"The console needs the extra `console` ({error.name} is missing).\n")
        return 1
    try:
        asyncio.run(serve_console(settings, _say))
    except ConsoleError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    return 0


def _say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()
