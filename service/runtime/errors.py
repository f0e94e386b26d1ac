"""What happens with an error nobody foresaw, and how any error is put into words.

The only broad `except` of the service stands here. The text of an error may hold what a record or a row held
(a driver quotes values), so it is shown only for errors known to be free of content; of others the class and
the place.
"""

import os
import socket
import ssl
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from aiokafka.errors import KafkaError

from service.runtime.acl_errors import missing_acl
from service.runtime.error_classes import sqlstate_meaning

OUR_PACKAGES = ("service.", "purchasing_contracts.")
FRAMES_SHOWN = 12


class TransientError(Exception):
    """What could not be done may succeed later: the same call again, after a pause. Nothing half-done is left."""


@contextmanager
def catch_unexpected(tell: Callable[[Exception], None]) -> Iterator[None]:
    """Whatever goes wrong inside is handed to `tell` and goes no further (cancellation and exits do)."""
    try:
        yield
    except Exception as error:  # noqa: BLE001 - this is the place for it
        tell(error)


def describe(error: BaseException) -> str:
    """One line without content: the error's class, its SQLSTATE if it has one, its text where that is known
    to be safe.

    >>> describe(ConnectionRefusedError(111, "refused"))
    'ConnectionRefusedError: [Errno 111] refused'
    >>> describe(ValueError("a name, an address"))
    'ValueError'
    """
    name = type(error).__name__
    sqlstate = getattr(error, "sqlstate", None)
    if isinstance(sqlstate, str):
        name = f"{name} ({sqlstate})"
    # Kafka's errors say their class themselves.
    text = missing_acl(error) or " ".join(str(error).split()).removeprefix(f"{name}: ").removesuffix(f" {name}")
    return f"{name}: {text}" if text and _is_safe(error, sqlstate) else name


def network_reason(error: OSError) -> str:
    """Why a server can't be reached, in what the system says of it, such as "Connection refused"."""
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
    """Where an error came from, innermost last: file, line and function of its last frames, and of its
    causes' classes.
    """
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
    """A file's last three steps: enough to find it, nothing about the machine."""
    return "/".join(path.replace("\\", "/").split("/")[-3:])
