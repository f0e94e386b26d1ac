"""The terms of a running worker. An imported set counts from the next batch on."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from service.terms.table import read_book

if TYPE_CHECKING:
    from service.rules.terms import TermsBook
    from service.terms.table import Fetches


class TermsSource(Protocol):
    """Provides the terms, and reads them again when the store says that they changed."""

    @property
    def book(self) -> TermsBook:
        """The terms as last read."""

    async def refresh(self) -> None:
        """Read the terms again."""


class FixedTerms:
    """Terms that never change (simulate, tests)."""

    def __init__(self, book: TermsBook) -> None:
        """Use this book."""
        self.book = book

    async def refresh(self) -> None:
        """Do nothing."""


class TermsInDatabase:
    """The terms in the database. Create it with `read`."""

    def __init__(self, database: Fetches, book: TermsBook) -> None:
        """Use `read`."""
        self._database = database
        self.book = book

    @classmethod
    async def read(cls, database: Fetches) -> TermsInDatabase:
        """Read the terms for the first time. Raises StoreUnavailableError."""
        return cls(database, await read_book(database))

    async def refresh(self) -> None:
        """Read the terms again. Raises StoreUnavailableError."""
        self.book = await read_book(self._database)
