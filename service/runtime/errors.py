"""The only broad `except` of the service, and texts of errors for logs.

The text of an error may contain values of a record or a row, because drivers quote them. So it is shown only for errors
whose text is known to be free of content; other errors show their class and place.
"""

import os
import socket
import ssl
import traceback
from collections.abc import Callable
from contextlib import AbstractContextManager
from types import TracebackType

from aiokafka.errors import KafkaError

from service.runtime.acl_errors import missing_acl
from service.runtime.error_classes import sqlstate_meaning

OUR_PACKAGES = ("service.", "purchasing_contracts.")
FRAMES_SHOWN = 12


class TransientError(Exception):
    """The call may succeed later. Repeat it after a pause. It left nothing half-done."""


def catch_unexpected(report: Callable[[Exception], None]) -> AbstractContextManager[None]:
    """Pass any error inside the block to `report`, and stop it there. Cancellation and exits go on."""
    return _Caught(report)


class _Caught:
    """Each assessed order has such a block. A generator with `contextmanager` takes three times as long."""

    __slots__ = ("_report",)

    def __init__(self, report: Callable[[Exception], None]) -> None:
        self._report = report

    def __enter__(self) -> None:
        """Do nothing."""

    def __exit__(
        self, _class: type[BaseException] | None, error: BaseException | None, _at: TracebackType | None
    ) -> bool:
        """Report an error, and suppress it."""
        if not isinstance(error, Exception):
            return False
        self._report(error)
        return True


def describe(error: BaseException) -> str:
    """Return one line without content: the error's class, its SQLSTATE, and its text if that is safe.

    >>> describe(ConnectionRefusedError(111, "refused"))
    'ConnectionRefusedError: [Errno 111] refused'
    >>> describe(ValueError("a name, an address"))
    'ValueError'
    """
    name = type(error).__name__
    sqlstate = getattr(error, "sqlstate", None)
    if isinstance(sqlstate, str):
        name = f"{name} ({sqlstate})"
    # The text of Kafka's errors repeats their class.
    text = missing_acl(error) or " ".join(str(error).split()).removeprefix(f"{name}: ").removesuffix(f" {name}")
    return f"{name}: {text}" if text and _is_safe(error, sqlstate) else name


def network_reason(error: OSError) -> str:
    """Return why a server can't be reached, in the system's words, such as "Connection refused"."""
    if isinstance(error, ssl.SSLCertVerificationError):
        return (
            f"its certificate is not accepted ({error.verify_message}): give the file of its certificate authority, "
            "or check the host name"
        )
    if isinstance(error, ssl.SSLError):
        return f"no TLS with it ({error.reason or type(error).__name__}): is the port one for TLS?"
    if isinstance(error, socket.gaierror):
        return f"the host name can't be resolved ({error.strerror})"
    return os.strerror(error.errno) if error.errno else describe(error)


def places(error: BaseException) -> list[str]:
    """Return the last frames of an error, innermost last: file, line and function; and the class of its cause."""
    frames = traceback.extract_tb(error.__traceback__)[-FRAMES_SHOWN:]
    found = [f"{_module(frame.filename)}:{frame.lineno} {frame.name}" for frame in frames]
    cause = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
    if cause is not None:
        found.insert(0, f"after {describe(cause)}")
    return found


def _is_safe(error: BaseException, sqlstate: object) -> bool:
    if isinstance(sqlstate, str):
        return sqlstate_meaning(sqlstate, str(error)).shown
    return isinstance(error, OSError | KafkaError) or type(error).__module__.startswith(OUR_PACKAGES)


def _module(path: str) -> str:
    """Return the last three parts of a path: enough to find the file, nothing about the machine."""
    return "/".join(path.replace("\\", "/").split("/")[-3:])
