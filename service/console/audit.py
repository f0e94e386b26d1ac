"""The audit: each look and each act, allowed or denied, in the log and in a table that the audit's page searches."""

from __future__ import annotations

from typing import TYPE_CHECKING
from uuid import UUID

import structlog

from service.console.access import Right
from service.runtime.errors import describe
from service.store.errors import StoreError
from service.store.operators.audit import AuditEntry, add_entry

if TYPE_CHECKING:
    from service.console.visit import Route, Visit
    from service.store.console_sessions import ConsoleSessions

log = structlog.get_logger("service.console")

LOOKS = frozenset(
    {
        Right.SEARCH,
        Right.ORDERS,
        Right.LETTERS,
        Right.MESSAGES,
        Right.QUARANTINE,
        Right.ACTS,
        Right.AUDIT,
        Right.PRIVATE,
        Right.MONEY,
        Right.EXPORT,
    }
)
"""The audit records each look with one of these rights."""


class Audit:
    """Writes what happened, as the role that keeps the sessions: pages themselves can't write."""

    def __init__(self, sessions: ConsoleSessions) -> None:
        """Take the connections of the sessions."""
        self._sessions = sessions

    async def answered(self, visit: Visit, route: Route, status: int, known_id: str | None) -> None:
        """Note what somebody looked at or did, if the right is one that is audited or the request one that acts."""
        if visit.person is None:
            return
        if not route.acts and route.right not in LOOKS:
            return
        if not route.acts:
            log.info(
                "console_looked",
                message="A person looked at what the service knows.",
                right=route.right.value,
                subject=visit.person.subject,
                way=visit.person.way,
                path=route.path,
                known_id=known_id,
            )
        else:
            log.info(
                "console_acted",
                message="A person sent a form that does something.",
                right=route.right.value,
                subject=visit.person.subject,
                way=visit.person.way,
                path=route.path,
                status=status,
                about=visit.trace.about,
            )
        await self._store(visit, route, "act" if route.acts else "look", status, known_id)

    async def denied(self, visit: Visit, route: Route) -> None:
        """Note that somebody lacked the right."""
        assert visit.person is not None
        log.info(
            "console_denied",
            message="A signed-in person lacks the right for a page.",
            right=route.right.value,
            subject=visit.person.subject,
            path=route.path,
        )
        await self._store(visit, route, "act" if route.acts else "look", 403, None)

    async def _store(self, visit: Visit, route: Route, what: str, status: int, known_id: str | None) -> None:
        person, about = visit.person, visit.trace.about
        assert person is not None
        entry = AuditEntry(
            person.subject,
            person.name,
            person.way,
            what,
            status != 403,
            route.right.value,
            route.path,
            known_id,
            None if about is None else UUID(about),
            status,
        )
        try:
            async with self._sessions.connection() as connection:
                await add_entry(connection, entry)
        except StoreError as error:
            # The log has it. While the database is away, pages show what they knew; acts are refused by it.
            log.warning(
                "console_audit_failed",
                message="The audit's table could not be written; the line before this one says what happened.",
                error=describe(error),
            )
