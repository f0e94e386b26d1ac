"""A program with an embedded stack, for tests that end it: `program.py DIRECTORY [pause|starting]`.

Prints one line of JSON with the process ids of everything it started, then waits for its end.
"""

import asyncio
import json
import signal
import sys
from pathlib import Path

import psutil

from service.embedded import EmbeddedStack


def say_started() -> None:
    started = psutil.Process().children(recursive=True)
    sys.stdout.write(json.dumps([process.pid for process in started]) + "\n")
    sys.stdout.flush()


async def main(directory: Path, mode: str) -> None:
    def progress(line: str) -> None:
        if mode == "starting" and line.startswith("PostgreSQL is ready"):
            say_started()  # Kafka, which takes longer, is still starting

    async with EmbeddedStack(directory, temporary=True, progress=progress) as stack:
        if mode == "pause":
            stack.kafka.pause()
            stack.postgres.pause()
        if mode != "starting":
            say_started()
        await asyncio.Event().wait()


if __name__ == "__main__":
    # Who runs the tests in the background of a shell has them ignore it.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    asyncio.run(main(Path(sys.argv[1]), sys.argv[2]))
