"""The parts of the console that the handlers of its addresses work with."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from service.console.bounds import Bounds

if TYPE_CHECKING:
    from service.console.access import Access
    from service.console.audit import Audit
    from service.console.desk import Desk
    from service.console.runner import Runner
    from service.console.sign_in.door import Door
    from service.console.stories import Stories
    from service.console.watch import Watch
    from service.runtime.settings import ConsoleSettings
    from service.store.console_sessions import ConsoleSessions
    from service.store.operators.operator_pool import OperatorPool


class Acts(NamedTuple):
    """The parts with which acts are done. Only handlers of POST get them: a fault in a page can't act."""

    pool: OperatorPool
    runner: Runner
    private: OperatorPool
    """With the role that is shown private members, and nothing else."""


class Parts(NamedTuple):
    """The parts of the console."""

    settings: ConsoleSettings
    stories: Stories
    door: Door
    access: Access
    watch: Watch
    desk: Desk
    audit: Audit
    sessions: ConsoleSessions
    bounds: Bounds = Bounds()
    acts: Acts | None = None
    """None: this is a page."""
