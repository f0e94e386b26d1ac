"""Play real orders through a real Kafka and PostgreSQL, and explain them clause by clause.

It starts everything it needs in .embedded/demo, plays the orders, prints each order's timeline, and stops everything.
With --console it first opens the console on these orders, until it is interrupted.
"""

import argparse
import asyncio
import signal
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import SecretStr

from service.cli import console
from service.demo.play import play
from service.demo.stories import stories
from service.observability import logs
from service.runtime.exit_codes import ExitCode
from service.runtime.settings import ConsoleSettings

HOME = Path(".embedded/demo")
OF_THE_CONSOLE: Mapping[str, Any] = {"console_host": "127.0.0.1", "console_port": 0, "console_url": ""}
"""Settings that override the environment: a port is free, and a link lets a browser in."""

EXAMPLES = (
    ("Play the orders and print the timeline of each", "demo"),
    ("Look at them in the console afterwards", "demo --console"),
)


def add(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of `demo`."""
    parser.add_argument(
        "--console",
        action="store_true",
        help="open the console on the orders and print the link that lets a browser in; until interrupted",
    )


def run(arguments: argparse.Namespace) -> int:
    """Play the demo. Raises EmbeddedError, DemoError and PortError."""
    if arguments.console and not console.is_installed():
        return ExitCode.NOT_DONE
    return asyncio.run(_run(with_console=arguments.console))


async def _run(*, with_console: bool) -> int:
    began = time.monotonic()

    def progress(text: str) -> None:
        sys.stderr.write(f"[{time.monotonic() - began:5.1f} s] {text}\n")
        sys.stderr.flush()

    # Treat SIGTERM like an interrupt: stop both servers.
    main = asyncio.current_task()
    assert main is not None
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, main.cancel)

    async def show(lines: list[str], database: str) -> None:
        sys.stdout.write("\n".join(lines) + "\n")
        sys.stdout.flush()
        if with_console:
            logs.configure("auto", "warning")
            progress("Opening the console; interrupt it (Ctrl+C) to stop everything")
            await console.serve(ConsoleSettings(database_url=SecretStr(database), **OF_THE_CONSOLE), None)
            asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, main.cancel)

    await play(list(stories()), HOME, progress, show)
    progress(f"Done. Logs are in {HOME}.")
    return ExitCode.DONE
