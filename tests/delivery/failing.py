"""The service with an unexpected error: it raises whenever a batch comes."""

import sys

from service.cli import main
from service.orders.engine import Engine

FAULT = "nobody foresaw this"


async def failing(*_):
    raise RuntimeError(FAULT)


if __name__ == "__main__":
    Engine.handle = failing
    sys.exit(main(sys.argv[1:]))
