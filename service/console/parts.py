"""The parts of the console that the handlers of its addresses work with."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from service.console.bounds import Bounds

if TYPE_CHECKING:
    from service.console.access import Access
    from service.console.sign_in.door import Door
    from service.console.stories import Stories
    from service.console.watch import Watch
    from service.runtime.settings import ConsoleSettings


class Parts(NamedTuple):
    """The parts of the console."""

    settings: ConsoleSettings
    stories: Stories
    door: Door
    access: Access
    watch: Watch
    bounds: Bounds = Bounds()
