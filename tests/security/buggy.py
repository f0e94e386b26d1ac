"""The service with a bug: its rules raise for some orders, with all they were given in the error's text."""

import sys

from service.cli import main
from service.orders import transaction

decide = transaction.decide


def raising(order_id, facts, *rest):
    if "bug" in order_id:
        raise ValueError(f"{order_id}: {facts!r} {rest!r}")
    return decide(order_id, facts, *rest)


if __name__ == "__main__":
    transaction.decide = raising
    sys.exit(main(sys.argv[1:]))
