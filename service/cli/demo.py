"""Play real orders through a real Kafka and PostgreSQL, and explain them clause by clause.

It starts everything it needs in .embedded/demo, plays the orders, prints each order's timeline, and stops everything.
"""

import argparse
import asyncio
import signal
import sys
import time
from pathlib import Path

from service.demo.play import play
from service.demo.stories import stories
from service.runtime.exit_codes import ExitCode

HOME = Path(".embedded/demo")


def add(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of `demo`: none."""


def run(_arguments: argparse.Namespace) -> int:
    """Play the demo. Raises EmbeddedError and DemoError."""
    return asyncio.run(_run())


async def _run() -> int:
    began = time.monotonic()

    def progress(text: str) -> None:
        sys.stderr.write(f"[{time.monotonic() - began:5.1f} s] {text}\n")
        sys.stderr.flush()

    # Treat SIGTERM like an interrupt: stop both servers.
    main = asyncio.current_task()
    assert main is not None
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, main.cancel)
    lines = await play(list(stories()), HOME, progress)
    sys.stdout.write("\n".join(lines) + "\n")
    sys.stdout.flush()
    progress(f"Done. Logs are in {HOME}.")
    return ExitCode.DONE
