"""Durations of a batch's stages."""

import time
from collections.abc import Iterator
from contextlib import contextmanager

ELAPSED = "elapsed"
"""Beside the stages: seconds since the batch began."""


class Stopwatch:
    """Seconds per stage, and since its creation."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}
        self._begun = time.perf_counter()

    def all(self) -> dict[str, float]:
        """Return the seconds per stage, and those since the batch began as ELAPSED."""
        return {**self.seconds, ELAPSED: time.perf_counter() - self._begun}

    @contextmanager
    def time(self, stage: str) -> Iterator[None]:
        """Add the duration of the block to the stage."""
        begun = time.perf_counter()
        try:
            yield
        finally:
            self.seconds[stage] = self.seconds.get(stage, 0.0) + time.perf_counter() - begun
