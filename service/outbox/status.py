"""What the relay says of itself: plain values for health, metrics and people."""

from dataclasses import dataclass
from typing import Literal

State = Literal["starting", "publishing", "waiting", "paused", "given up", "starting over", "stopped"]
"""publishing: rows are on their way. waiting: everything is published. paused: the
lane is paused, `reason` says by whom and why. given up: another process took the
lane. starting over: after an error, in a moment. stopped: not without a person; `reason` says why."""


@dataclass(frozen=True, slots=True)
class LaneStatus:
    """One lane of this process. `position` is the last published one, None until the cursor was read;
    `published` counts the outputs that this process published on it, `transactions` in how many
    transactions."""

    lane: int
    state: State
    position: int | None
    reason: str | None
    published: int
    transactions: int


@dataclass(frozen=True, slots=True)
class RelayStatus:
    """The relay of this process: `outbox_id` is None until the database was read, `joined` says whether the
    consumer group has given out its lanes, `problem` is what keeps the whole relay from working, such as a
    missing topic."""

    outbox_id: str | None
    joined: bool
    problem: str | None
    lanes: tuple[LaneStatus, ...]
    assignments: int = 0
    """How often the group has given out its lanes."""

    @property
    def stopped(self) -> tuple[LaneStatus, ...]:
        """The lanes that stand until a person has looked."""
        return tuple(lane for lane in self.lanes if lane.state == "stopped")
