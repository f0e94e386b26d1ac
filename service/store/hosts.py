"""The hosts of a database URL, tried in order by libpq's rules, which the driver follows only in part.

The driver tries the next host if one can't be reached, but not if one is still starting. And a host that does not
answer uses up the time of all hosts.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, TypeAlias, TypeVar

import asyncpg

from service.runtime.database_url import SETTING, DatabaseUrl, DatabaseUrlError, Host, parse_database_url
from service.runtime.error_classes import ErrorClass, driver_meaning, network_meaning, sqlstate_meaning
from service.runtime.errors import describe, network_reason
from service.store.driver_errors import LOST, translated
from service.store.errors import NotReachedError, NotUsableError, StoreUnavailableError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from service.store.driver import Connection

    Attempt: TypeAlias = Callable[[Host, str | None], Awaitable[Connection]]

T = TypeVar("T")


def database_url(text: str) -> DatabaseUrl:
    """Parse the URL. Raises NotUsableError."""
    try:
        return parse_database_url(text)
    except DatabaseUrlError as error:
        raise unusable(str(error)) from None


def unusable(because: str) -> NotUsableError:
    """Return the error that says why the URL can't be used."""
    return NotUsableError(f"{SETTING} can't be used as it is: {because}")


async def first_of(url: DatabaseUrl, attempt: Attempt, seconds: float) -> Connection:
    """Return the first connection that succeeds, with at most `seconds` per host.

    `attempt(host, target)` connects to one host if it has the `target_session_attrs`. Raises NotReachedError,
    NotUsableError, NotAllowedError.
    """
    target = url.target or ("read-write" if len(url.hosts) > 1 else None)
    found: list[Connection] = []
    # A mere preference is tried on all hosts first, then dropped.
    targets = ["standby", "any"] if target == "prefer-standby" else [target]
    reasons: list[tuple[Host, str]] = []
    because: list[ErrorClass] = []
    for wanted in targets:
        reasons.clear()
        for host in url.in_turn():
            reason = await _reason_against(host, wanted, attempt, seconds, found, because)
            if reason is None:
                return found[0]
            reasons.append((host, reason))
    words = reasons[0][1] if len(reasons) == 1 else "; ".join(f"{host}: {reason}" for host, reason in reasons)
    not_reached = NotReachedError(words)
    # Where TLS may be missing, it is never the reason: a server that dies answers its request with an error.
    setting = url.demands_tls and ErrorClass.SETTING in because
    raise NotUsableError(str(not_reached)) if setting else not_reached


async def _reason_against(
    host: Host,
    target: str | None,
    attempt: Attempt,
    seconds: float,
    found: list[Connection],
    because: list[ErrorClass],
) -> str | None:
    """Return why this host can't be used now; None: its connection is in `found`."""
    try:
        async with asyncio.timeout(seconds):
            found.append(await attempt(host, target))
    except asyncpg.TargetServerAttributeNotMatched:
        return f"it is not what target_session_attrs={target} asks for"
    except asyncpg.ClientConfigurationError:
        raise unusable(
            "check its options, and the PG* variables of the environment; sslmode=verify-ca and verify-full need "
            "sslrootcert, a file or `system`"
        ) from None
    except DatabaseUrlError as error:
        raise unusable(str(error)) from None
    except asyncpg.PostgresError as error:
        await _raise_unless_temporary(error)
        return describe(error)
    except StoreUnavailableError as error:
        return str(error)
    except LOST as error:
        if driver_meaning(str(error)) is ErrorClass.SETTING:
            raise unusable(f"the server requires an unsupported authentication method ({error})") from None
        # A server that is stopping or starting may end the connection at any point.
        return describe(error)
    except TimeoutError:
        return f"no answer within {seconds:g} seconds"
    except OSError as error:
        because.append(network_meaning(error))
        return network_reason(error)
    return None


async def _raise_unless_temporary(error: asyncpg.PostgresError) -> None:
    found = sqlstate_meaning(error.sqlstate, str(error))
    if found.meaning is ErrorClass.WAIT:
        return
    async with translated():
        raise error
