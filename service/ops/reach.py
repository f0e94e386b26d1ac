"""Whether the broker and the database can be reached, and if not, why: the reason a person needs, not the
client's.

aiokafka says "unable to bootstrap" whatever the cause; asked for one connection it says what happened.
"""

import asyncio
import os
import socket
import ssl
from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import asyncpg

from service.failures import describe
from service.kafka.diagnosis import problem_of
from service.store.connecting import connect
from service.store.failures import LOST, NOT_LET_IN

PROBE_SECONDS = 5.0


class UnreachableError(Exception):
    """It can't be reached, and waiting doesn't help. Its text says why and names no secret."""


async def database_problem(url: str) -> str | None:
    """Why PostgreSQL can't be reached just now; None if it can. Raises UnreachableError where waiting is no
    use.
    """
    try:
        async with asyncio.timeout(PROBE_SECONDS):
            connection = await connect(url)
            await connection.close()
    except asyncpg.PostgresError as error:
        if str(error.sqlstate).startswith(NOT_LET_IN):
            raise UnreachableError(
                f"PostgreSQL refuses the connection that PURCHASING_DATABASE_URL describes: {describe(error)}"
            ) from None
        return describe(error)
    except asyncpg.ClientConfigurationError as error:
        raise UnreachableError(
            f"PURCHASING_DATABASE_URL can't be used as it is ({type(error).__name__}): check its options."
        ) from None
    except asyncpg.TargetServerAttributeNotMatched:
        return "none of its hosts is now what target_session_attrs asks for"
    except LOST as error:
        # A server that is stopping, or starting, may say its last word anywhere.
        return describe(error)
    except TimeoutError:
        return f"no answer within {PROBE_SECONDS:.0f} seconds"
    except OSError as error:
        if unread := _unreadable_files(url):
            raise UnreachableError(
                f"PURCHASING_DATABASE_URL can't be used as it is: the file of its {unread[0]} can't be read."
            ) from None
        return _in_words(error)
    return None


def _unreadable_files(url: str) -> list[str]:
    """The options of a database URL that name a file which can't be read."""
    options = dict(parse_qsl(urlsplit(url).query))
    files = ("sslrootcert", "sslcert", "sslkey", "sslcrl")
    return [name for name in files if name in options and not os.access(options[name], os.R_OK)]


async def broker_problem(kafka: Mapping[str, Any]) -> str | None:
    """Why none of the bootstrap servers can be reached just now, server by server; None if one can.

    `kafka` is how aiokafka's clients connect. A wrong password is among the reasons, not an error: brokers
    refuse right ones too while they start. Raises UnreachableError where each of them needs a person.
    """
    problems = []
    how = {name: value for name, value in kafka.items() if name != "bootstrap_servers"}
    for server in kafka["bootstrap_servers"]:
        host, _, port = server.rpartition(":")
        problem = await problem_of(host.strip("[]"), int(port), how)
        if problem is None:
            return None
        problems.append((server, problem))
    reasons = "; ".join(f"{server}: {problem.words}" for server, problem in problems)
    if all(problem.by_person for _, problem in problems):
        raise UnreachableError(f"Kafka can't be reached: {reasons}.")
    return reasons


def _in_words(error: OSError) -> str:
    """What the system says, such as "Connection refused", without the numbers around it."""
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
