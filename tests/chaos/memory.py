"""The memory that the workers of a run used, and its limits while most of what they read is malformed."""

from collections.abc import Sequence
from dataclasses import dataclass

MEBIBYTE = 2**20
GROWTH = 1.5
"""So much larger at the end than in the middle. Some it grows by: orders are cached, pools fill. One that kept the
batches it had tried twice was twice as large after 17,000 records: 362 MiB."""
SETTLED = 192 * MEBIBYTE
"""A short run begins before the worker has what it always comes to have: up to here, growth says nothing."""
AT_REST = 256 * MEBIBYTE
"""The program itself, its clients, some ten thousand facts in the cache, and what one fetch brings, have half of it."""
EXPANDED = 6 * MEBIBYTE
"""For each megabyte that a compressed batch comes to: expanded, record by record, as it is decoded, as it is written,
and the same of what is fetched ahead."""


@dataclass(frozen=True)
class Memory:
    """The largest resident memory of any worker, in bytes, four times a second: while records were sent, and from then
    on until all was quiet."""

    sending: Sequence[int]
    after: Sequence[int]

    @property
    def peak(self) -> int:
        """The largest of all."""
        return max(*self.sending, *self.after)

    @property
    def grown(self) -> float:
        """The growth of the largest worker: the median of the last quarter of the time by that of the second."""
        quarter = len(self.sending) // 4
        early, late = sorted(self.sending[quarter : 2 * quarter]), sorted(self.sending[-quarter:])
        return late[quarter // 2] / early[quarter // 2]

    def complaints(self, bombs: int) -> list[str]:
        """The limits that were exceeded by malformed records, and then by so many megabytes in one small compressed
        batch."""
        found = []
        if self.grown > GROWTH and max(self.sending) > SETTLED:
            found.append(f"a worker grew to {self.grown:.2f} times its size while records were sent")
        if self.peak > (most := AT_REST + bombs * EXPANDED):
            found.append(f"a worker took {self.peak / MEBIBYTE:.0f} MiB, more than {most / MEBIBYTE:.0f}")
        return found
