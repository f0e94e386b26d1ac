"""The memory that the workers of a run used, and its limits while most of what they read is malformed."""

from collections.abc import Sequence
from dataclasses import dataclass

MEBIBYTE = 2**20
GROWTH = 1.5
"""The largest allowed growth from the middle to the end. A worker grows a little because orders are cached and pools
fill. One that kept the batches it had tried twice was twice as large after 17,000 records: 362 MiB."""
SETTLED = 192 * MEBIBYTE
"""The size below which growth does not count: a short run begins before a worker has filled its caches and pools."""
AT_REST = 256 * MEBIBYTE
"""Twice the size of the program with its clients, some ten thousand facts in the cache and one fetch."""
EXPANDED = 6 * MEBIBYTE
"""The memory per megabyte of an expanded batch: expanded, per record, decoded, to be written, and the same of the
next fetch."""


@dataclass(frozen=True)
class Memory:
    """The largest resident memory of any worker, in bytes, four times a second: while records were sent, and then
    until the run was quiet."""

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
