"""What a store can raise, and what whoever calls it does then.

    StoreError
    ├── StoreUnavailableError   the same batch again, after a pause: the database is away or busy, or chose this
    │                           transaction to break a deadlock. Nothing was written (or, if the connection
    │                           broke while committing, all of it: the next attempt finds its facts known)
    │   └── NotReachedError     there is no connection; `reason` says why
    ├── ValueRefusedError       this batch never: the database can't hold one of its values. Halve the batch to find it
    ├── ForeignFactError        this batch again, with a look for other orders' facts: a source and id it brings is
    │                           another order's
    ├── SchemaError             not with this program: the tables aren't those it knows. Says what to run
    ├── DatabaseMovedError      not in this process: the database may be older than what it remembers and committed
    offsets for ├── NotUsableError          not with these settings: the server refuses the user, the password or the
    database, the │                           URL has an option of no use, a pooler keeps no sessions. Says what to
    change └── NotAllowedError         not as this database user: it lacks a right. Says which

Their texts never hold a value: what PostgreSQL says of one is left out, only its error class and SQLSTATE are named.
"""

from service.runtime.errors import TransientError


class StoreError(Exception):
    """Anything a store raises on purpose. The text is one sentence without content."""


class StoreUnavailableError(StoreError, TransientError):
    """The store can't be reached or gave way; the same call may succeed later. Nothing half-done is left."""


class NotReachedError(StoreUnavailableError):
    """No server of the URL could be connected to; `reason` says why, host by host where there are several."""

    def __init__(self, reason: str) -> None:
        super().__init__(f"PostgreSQL can't be reached: {reason}")
        self.reason = reason


class ValueRefusedError(StoreError):
    """The store can't hold a value it was given; the same call can never succeed. Nothing was written."""


class ForeignFactError(StoreError):
    """A fact's source and id are those of another order's fact. Nothing was written."""


class SchemaError(StoreError):
    """The database's tables are not those this program knows; the text says what to do."""


class DatabaseMovedError(StoreError):
    """The database was failed over or restored while this process was at work; the text says what follows."""


class NotUsableError(StoreError):
    """PURCHASING_DATABASE_URL is of no use as it is; the text says what to look at."""


class NotAllowedError(StoreError):
    """The database user lacks a right; the text says what was refused and what to grant."""
