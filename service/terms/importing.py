"""The import of a terms file: all its sets, or none."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from service.rules.facts import micros
from service.rules.terms import TermsBook
from service.terms.files import Declared, check_against_platform, check_succession, new_sets
from service.terms.table import add_sets, begin_import

if TYPE_CHECKING:
    from collections.abc import Sequence

    import asyncpg

    from service.rules.terms import TermsSet


def sets_to_add(declared: Sequence[Declared], book: TermsBook, now: int) -> list[TermsSet]:
    """Return the sets of a file that the book lacks, if they fit into it; `now` in microseconds. Raises TermsError."""
    added = new_sets(declared, book, now)
    named = {one.terms for one in declared}
    check_succession([*declared, *[Declared(one, None) for one in book.sets if one not in named]])
    check_against_platform(TermsBook.of(*book.sets, *added))
    return added


async def import_terms(connection: asyncpg.Connection[Any], declared: Sequence[Declared]) -> list[TermsSet]:
    """Add all sets of a file that are not there yet, or none. Raises TermsError, and what asyncpg raises."""
    async with connection.transaction():
        now, book = await begin_import(connection)
        added = sets_to_add(declared, book, micros(now))
        await add_sets(connection, added)
    return added
