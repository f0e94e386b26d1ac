"""The service, asking the broker for new partitions each second instead of twice a minute."""

import sys

from service.cli import main
from service.inbox import consumer

METADATA_MAX_AGE_MS = 1_000

if __name__ == "__main__":
    assert consumer.METADATA_MAX_AGE_MS > METADATA_MAX_AGE_MS
    consumer.METADATA_MAX_AGE_MS = METADATA_MAX_AGE_MS
    sys.exit(main())
