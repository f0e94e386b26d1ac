"""Checks whether broker and database can be reached, and if not, why.

aiokafka says "unable to bootstrap" for every cause. A single connection shows the cause.
"""

import asyncpg

from service.kafka.compat.diagnosis import problem_of
from service.kafka.connection import Kafka
from service.runtime.errors import describe
from service.store.connection import connect_to_look, rivals
from service.store.driver_errors import LOST
from service.store.errors import NotReachedError, StoreError, StoreUnavailableError

PROBE_SECONDS = 5.0


class UnreachableError(Exception):
    """The server can't be reached, and waiting does not help. The text says why and contains no secret."""


async def database_problem(url: str) -> str | None:
    """Return why PostgreSQL can't be reached, or must not be used, now; None if it can.

    Raises UnreachableError if waiting does not help.
    """
    try:
        connection = await connect_to_look(url, connect_seconds=PROBE_SECONDS)
        await connection.close(timeout=PROBE_SECONDS)
    except NotReachedError as error:
        return error.reason
    except StoreUnavailableError as error:
        return str(error)
    except StoreError as error:
        raise UnreachableError(f"{error}.") from None
    except TimeoutError:
        return f"no answer within {PROBE_SECONDS:g} seconds"
    except (asyncpg.PostgresError, *LOST, OSError) as error:
        # While the connection was closing.
        return describe(error)
    if servers := await rivals(url, PROBE_SECONDS):
        return (
            f"{' and '.join(map(str, servers))} accept writes and have different histories: one was replaced by the "
            "other and still runs. Stop it, or make it a standby of the other"
        )
    return None


async def broker_problem(kafka: Kafka) -> str | None:
    """Return why no bootstrap server can be reached now, per server; None if one can.

    `kafka` has the arguments of aiokafka's clients. Raises UnreachableError if none can be reached and waiting does not
    help for at least one.
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
    if any(problem.by_person for _, problem in problems):
        raise UnreachableError(f"Kafka can't be reached: {reasons}.")
    return reasons
