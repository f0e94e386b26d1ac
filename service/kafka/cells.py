"""The consumer group of a cell, whose name says which lanes it reads for.

A cell is a database that has some of the lanes, and its workers. Each cell reads all events and leaves those of other
cells' orders to them. Two cells in one consumer group would each be given half of the partitions, and nobody would read
the orders of the other half. So a worker refuses a group whose name does not end with its database's lanes.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

_GROUP = re.compile(r"(?P<base>.+)\.lanes-(?P<first>[0-9]{1,3})-(?P<last>[0-9]{1,3})")


def group_problem(group: str, own: range, lanes: int) -> str | None:
    """Return why workers of a database with the lanes `own`, of so many, must not use this group; None if they may."""
    base, read = _parts(group)
    if len(own) == lanes:
        if read is None:
            return None
        return (
            f"the consumer group {group} is that of a cell, but this database has all {lanes} lanes: "
            f"set PURCHASING_CONSUMER_GROUP, to {base} for example"
        )
    if read == own:
        return None
    return (
        f"this database is a cell with the lanes {own[0]} to {own[-1]} of {lanes}, and the consumer group {group} is "
        f"not its own: set PURCHASING_CONSUMER_GROUP to {base}.lanes-{own[0]}-{own[-1]}"
    )


def lanes_without_a_group(group: str, lanes: int, groups: Iterable[str]) -> list[int]:
    """Return the lanes for which none of these groups reads, of those whose names begin like this cell's group."""
    base, _ = _parts(group)
    read: set[int] = set()
    for other_base, own in map(_parts, {group, *groups}):
        if other_base == base and own is not None:
            read.update(own)
    return [lane for lane in range(lanes) if lane not in read]


def _parts(group: str) -> tuple[str, range | None]:
    """Return the name without its lanes, and the lanes; None if the name has none."""
    found = _GROUP.fullmatch(group)
    if found is None:
        return group, None
    return found["base"], range(int(found["first"]), int(found["last"]) + 1)
