"""A clock set by hand, for stories in which days pass."""

from __future__ import annotations

from typing import TYPE_CHECKING

from service.store.rows import StoreTime
from tests.rules.happenings import HOUR, when

if TYPE_CHECKING:
    from datetime import datetime

DELIVERED = 10 * HOUR
"""The clock's instant before it is set: the delivery of the goods, in most stories."""


class Hands:
    """A clock set by hand; the input counts as read up to it, or up to `watermark`."""

    def __init__(self) -> None:
        self.now = when(DELIVERED)
        self.watermark: datetime | None = None

    def __call__(self, _: StoreTime | None = None) -> StoreTime:
        return StoreTime(self.now, self.watermark)
