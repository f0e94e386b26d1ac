"""What the handlers of the console's addresses work with."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from service.console.bounds import Bounds

if TYPE_CHECKING:
    from service.console.access import Access
    from service.console.desk import Desk
    from service.console.sign_in.door import Door
    from service.console.stories import Stories
    from service.console.watch import Watch
    from service.runtime.settings import ConsoleSettings


class Parts(NamedTuple):
    """What the console is made of."""

    settings: ConsoleSettings
    stories: Stories
    door: Door
    access: Access
    watch: Watch
    desk: Desk
    bounds: Bounds = Bounds()
