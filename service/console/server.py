"""The console as a process: database pools, door, application, until it is asked to stop."""

from __future__ import annotations

import asyncio
import signal
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import TYPE_CHECKING, NamedTuple

import structlog

from service.console.access import Access
from service.console.app import Console
from service.console.audit import Audit
from service.console.bounds import Bounds, listening
from service.console.desk import open_desk
from service.console.parts import Acts, Parts
from service.console.runner import Runner
from service.console.sign_in.door import Door
from service.console.stories import open_stories
from service.console.watch import Watch
from service.store.console_sessions import ConsoleSessions
from service.store.operators.operator_pool import OPERATOR, PRIVATE, OperatorPool

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from service.console.broker import Broker
    from service.runtime.settings import ConsoleSettings

log = structlog.get_logger("service.console")

READERS = 4
STATEMENT_SECONDS = 5
IDLE = timedelta(hours=1)
ABSOLUTE = timedelta(hours=12)


class ConsoleError(Exception):
    """The console can't start with these settings. Its text says what to do."""


class Running(NamedTuple):
    """A console that answers."""

    console: Console
    port: int

    @property
    def origin(self) -> str:
        """The URL at which this machine reaches it."""
        host = self.console.settings.console_host
        return f"http://{'[' + host + ']' if ':' in host else '127.0.0.1' if host == '*' else host}:{self.port}"


@asynccontextmanager
async def running_console(
    settings: ConsoleSettings, bounds: Bounds | None = None, broker: Broker | None = None
) -> AsyncIterator[Running]:
    """Answer while the block runs. Database and broker may be away; without `broker` none is asked.

    Raises ConsoleError, PortError, NotUsableError.
    """
    check(settings)
    url = settings.database()
    access = Access(settings.groups_by_role())
    async with (
        open_stories(url, READERS, STATEMENT_SECONDS) as stories,
        open_desk(url) as desk,
        ConsoleSessions.open(url, IDLE, ABSOLUTE) as sessions,
        OperatorPool.open(url, OPERATOR) as operators,
        OperatorPool.open(url, PRIVATE) as private,
    ):
        door = Door(settings, sessions, access)
        watch = Watch(stories.readers, broker)
        kafka = None if broker is None else broker.kafka
        runner = Runner(url, stories.readers, operators, kafka, settings.future_tolerance())
        acts = Acts(operators, runner, private)
        console = Console(
            Parts(settings, stories, door, access, watch, desk, Audit(sessions), sessions, bounds or Bounds(), acts)
        )
        runner.open()
        try:
            async with listening(
                console.application(), console.connections, settings.console_host, settings.console_port
            ) as port:
                yield Running(console, port)
        finally:
            await runner.close()
            await watch.close()
            await door.close()


def check(settings: ConsoleSettings) -> None:
    """Raise ConsoleError where settings contradict each other, or nobody could sign in."""
    has_oidc, has_assertion = bool(settings.console_oidc_issuer), bool(settings.console_assertion_header)
    if has_oidc and not settings.console_oidc_client_id:
        raise ConsoleError(
            "PURCHASING_CONSOLE_OIDC_CLIENT_ID is missing: give the client's id at the identity provider."
        )
    if has_assertion and not (
        settings.console_assertion_jwks_url
        and settings.console_assertion_issuer
        and settings.console_assertion_audience
    ):
        raise ConsoleError(
            "PURCHASING_CONSOLE_ASSERTION_HEADER needs PURCHASING_CONSOLE_ASSERTION_JWKS_URL, _ISSUER and _AUDIENCE: "
            "an assertion is taken only if its signature, issuer and audience are checked."
        )
    if settings.is_on_loopback:
        return
    if not settings.console_url:
        raise ConsoleError(
            "PURCHASING_CONSOLE_URL is missing: give the address under which browsers reach the console, or let "
            "PURCHASING_CONSOLE_HOST be 127.0.0.1."
        )
    if not (has_oidc or has_assertion):
        raise ConsoleError(
            "Nobody could sign in: set PURCHASING_CONSOLE_OIDC_ISSUER or PURCHASING_CONSOLE_ASSERTION_HEADER, or let "
            "PURCHASING_CONSOLE_HOST be 127.0.0.1 for one-time links."
        )


async def serve_console(settings: ConsoleSettings, report: Callable[[str], None], broker: Broker | None = None) -> None:
    """Run until SIGTERM or SIGINT. `report` is given how to sign in from this machine."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    try:
        async with running_console(settings, broker=broker) as running:
            log.info("console_started", message="The console answers requests.", port=running.port)
            if running.console.door.has_links:
                report(f"Open {running.origin}{running.console.door.new_link()}")
                report("This link lets one browser in, once, within ten minutes.")
            await stop.wait()
    finally:
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.remove_signal_handler(number)
    log.info("console_stopped", message="The console stopped.")
