"""While events come, they come in batches that are worth a transaction; a lone one doesn't wait.

The client asks for what follows as soon as a batch is handed out. As the broker answers with the first record there
is, the next batch would be what came in a millisecond, and all that came since would wait for the one after: at 400
events a second, batches of three instead of seven, and a fifth more of the service's processor time.
"""

import asyncio
from typing import Any

BUSY_BYTES, BUSY_MS = 100_000, 12
"""The broker answers once it has so much, or after so long. Shorter than a look for records waits: FastStream sleeps
after one that found nothing."""
IDLE_BYTES, IDLE_MS = 1, 500
"""aiokafka's own."""
IDLE_AFTER_SECONDS = 0.2


class Gathering:
    """Told of each batch, has a consumer's fetches answered later, until no batch came for a while."""

    def __init__(self) -> None:
        self._quiet: asyncio.TimerHandle | None = None

    def batch_came(self, consumer: Any) -> None:
        """From the next fetch on, the broker waits for more."""
        if self._quiet is not None:
            self._quiet.cancel()
        fetch(consumer, BUSY_BYTES, BUSY_MS)
        loop = asyncio.get_running_loop()
        self._quiet = loop.call_later(IDLE_AFTER_SECONDS, fetch, consumer, IDLE_BYTES, IDLE_MS)


def fetch(consumer: Any, at_least_bytes: int, within_ms: int) -> None:
    """Have the broker answer this consumer's next fetches so. aiokafka has no public way to say it later than when the
    consumer is made."""
    consumer._fetcher._fetch_min_bytes = at_least_bytes
    consumer._fetcher._fetch_max_wait_ms = within_ms
