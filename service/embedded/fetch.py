"""`python -m service.embedded.fetch`: fetch the broker's jars into the cache and print their directory."""

import sys

from service.embedded.jars import jars
from service.embedded.process import EmbeddedError


def main() -> int:
    """Fetch. The directory goes to stdout, everything else to stderr. Returns 0, or 1 with the reason."""
    try:
        directory = jars(lambda line: print(line, file=sys.stderr, flush=True))  # noqa: T201  # a command line
    except EmbeddedError as error:
        print(error, file=sys.stderr)  # noqa: T201
        return 1
    print(directory)  # noqa: T201
    return 0


if __name__ == "__main__":
    sys.exit(main())
