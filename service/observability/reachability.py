"""Whether the broker and the database can be reached, and if not, why: the reason a person needs, not the
client's.

aiokafka says "unable to bootstrap" whatever the cause; asked for one connection it says what happened.
"""

import asyncpg

from service.kafka.compat.diagnosis import problem_of
from service.kafka.connection import Kafka
from service.runtime.errors import describe
from service.store.connection import connect_to_look
from service.store.driver_errors import LOST
from service.store.errors import NotReachedError, StoreError, StoreUnavailableError

PROBE_SECONDS = 5.0


class UnreachableError(Exception):
    """It can't be reached, and waiting doesn't help. Its text says why and names no secret."""


async def database_problem(url: str) -> str | None:
    """Why PostgreSQL can't be reached just now; None if it can. Raises UnreachableError where waiting is no
    use.
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
        # While it was closed.
        return describe(error)
    return None


async def broker_problem(kafka: Kafka) -> str | None:
    """Why none of the bootstrap servers can be reached just now, server by server; None if one can.

    `kafka` is how aiokafka's clients connect. Raises UnreachableError where waiting is no use: none can be reached, and
    at least one needs a person.
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
