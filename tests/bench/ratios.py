"""Ratios of contenders that were measured in the same rounds, because a change of the machine between rounds meets
both."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import median


@dataclass(frozen=True)
class Spread:
    """Median, lowest and highest of some values, at least one."""

    median: float
    lowest: float
    highest: float

    @classmethod
    def of(cls, values: Sequence[float]) -> "Spread":
        return cls(median(values), min(values), max(values))


def ratios(ours: Mapping[int, float], theirs: Mapping[int, float]) -> list[float]:
    """Return ours divided by theirs for each round that has both, in order. Both are given by round."""
    return [ours[number] / theirs[number] for number in sorted(ours.keys() & theirs.keys())]
