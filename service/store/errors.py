"""The errors of a store, and what the caller does.

    StoreError
    ├── StoreUnavailableError   Retry the same batch after a pause: the database is away or busy, or chose this
    │   │                       transaction to break a deadlock. Nothing was written (or, if the connection broke
    │   │                       during the commit, all of it: the next attempt then finds known facts).
    │   └── NotReachedError     There is no connection; `reason` says why.
    ├── ValueRefusedError       Never retry: the database can't hold a value of this batch. Halve the batch to find it.
    ├── ForeignFactError        Retry with a look for other orders' facts: a source and id is another order's.
    ├── SchemaError             Not with this program: the tables differ from those it knows. Says what to run.
    ├── DatabaseMovedError      Not in this process: the database may be older than what the process remembers and
    │                           committed offsets for.
    ├── NotUsableError          Not with these settings: the server refuses the user, the password or the database, the
    │                           URL has an unsupported option, or a pooler keeps no sessions. Says what to change.
    └── NotAllowedError         Not as this database user: it lacks a right. Says which.

The texts never contain a value: of PostgreSQL's message about one they name only the error class and SQLSTATE.
"""

from service.runtime.errors import TransientError


class StoreError(Exception):
    """An error that a store raises on purpose. The text is one sentence without content."""


class StoreUnavailableError(StoreError, TransientError):
    """The store can't be reached or gave way; the same call may succeed later. Nothing was written in part."""


class NotReachedError(StoreUnavailableError):
    """No server of the URL could be connected to. `reason` says why, per host if there are several."""

    def __init__(self, reason: str) -> None:
        super().__init__(f"PostgreSQL can't be reached: {reason}")
        self.reason = reason


class ValueRefusedError(StoreError):
    """The store can't hold a value; the same call can never succeed. Nothing was written."""


class ForeignFactError(StoreError):
    """A fact's source and id are those of another order's fact. Nothing was written."""


class SchemaError(StoreError):
    """The database's tables are not those that this program knows; the text says what to do."""


class DatabaseMovedError(StoreError):
    """The database was failed over or restored while this process ran; the text says what follows."""


class NotUsableError(StoreError):
    """PURCHASING_DATABASE_URL can't be used as it is; the text says what to check."""


class NotAllowedError(StoreError):
    """The database user lacks a right; the text says what was refused and what to grant."""
