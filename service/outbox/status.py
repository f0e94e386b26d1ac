"""The relay's status: plain values for health, metrics and people."""

from dataclasses import dataclass
from typing import Literal

State = Literal["starting", "publishing", "waiting", "paused", "given up", "starting over", "stopped"]
"""publishing: rows are being published. waiting: everything is published. paused: `reason` says by whom and why. given
up: another process took the lane. starting over: after an error, in a moment. stopped: until a person acts; `reason`
says why."""


@dataclass(frozen=True, slots=True)
class LaneStatus:
    """One lane of this process. `position`: the last published one, None until the cursor was read. `published`: number
    of outputs that this process published on it, in `transactions` transactions."""

    lane: int
    state: State
    position: int | None
    reason: str | None
    published: int
    transactions: int


@dataclass(frozen=True, slots=True)
class RelayStatus:
    """The relay of this process. `outbox_id`: None until the database was read. `joined`: whether the consumer group
    has assigned its lanes. `problem`: what keeps the whole relay from working, such as a missing topic."""

    outbox_id: str | None
    joined: bool
    problem: str | None
    lanes: tuple[LaneStatus, ...]
    assignments: int = 0
    """Number of assignments of the group so far."""

    @property
    def stopped(self) -> tuple[LaneStatus, ...]:
        """The lanes that are stopped until a person acts."""
        return tuple(lane for lane in self.lanes if lane.state == "stopped")
