"""`python -m service.embedded.fetch`: fetch the broker's jars into the cache and print their directory.

Beside them it makes Java's archive of the broker's classes: with it brokers start in half the time, without it still.
"""

import asyncio
import sys

from service.embedded.jars import jars
from service.embedded.kafka import record_start
from service.embedded.process import EmbeddedError


def main() -> int:
    """Fetch. The directory goes to stdout, everything else to stderr. Returns 0, or 1 with the reason."""
    try:
        directory = jars(_progress)
    except EmbeddedError as error:
        _progress(str(error))
        return 1
    try:
        asyncio.run(record_start(directory, _progress))
    except (EmbeddedError, OSError) as error:
        _progress(f"brokers will start more slowly: {error}")
    print(directory)  # noqa: T201
    return 0


def _progress(line: str) -> None:
    print(line, file=sys.stderr, flush=True)  # noqa: T201  # a command line


if __name__ == "__main__":
    sys.exit(main())
