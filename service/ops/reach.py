"""Whether the broker and the database can be reached, and if not, why: the reason a person needs, not the
client's.

aiokafka says "unable to bootstrap" whatever the cause; asked for one connection it says what happened.
"""

import asyncio
from collections.abc import Mapping
from typing import Any

import asyncpg
from aiokafka.conn import create_conn
from aiokafka.errors import KafkaError

from service.error_classes import kafka_meaning, network_meaning
from service.failures import describe, network_reason
from service.store.connecting import connect_to_look
from service.store.errors import NotReachedError, StoreError, StoreUnavailableError
from service.store.failures import LOST

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


async def broker_problem(kafka: Mapping[str, Any]) -> str | None:
    """Why none of the bootstrap servers can be reached just now, server by server; None if one can.

    `kafka` is how aiokafka's clients connect. Raises UnreachableError where waiting is no use: none can be reached, and
    one refuses the user, the password or the way to log in.
    """
    reasons, is_for_a_person = [], False
    how = {name: value for name, value in kafka.items() if name != "bootstrap_servers"}
    for server in kafka["bootstrap_servers"]:
        host, _, port = server.rpartition(":")
        try:
            async with asyncio.timeout(PROBE_SECONDS):
                connection = await create_conn(host.strip("[]"), int(port), **how)
                connection.close()
        except TimeoutError:
            reasons.append(f"{server}: no answer within {PROBE_SECONDS:.0f} seconds")
        except OSError as error:
            is_for_a_person |= network_meaning(error).is_for_a_person
            reasons.append(f"{server}: {network_reason(error)}")
        except KafkaError as error:
            is_for_a_person |= kafka_meaning(error).is_for_a_person
            reasons.append(f"{server}: {describe(error)}")
        else:
            return None
    if is_for_a_person:
        raise UnreachableError(f"Kafka can't be reached: {'; '.join(reasons)}.")
    return "; ".join(reasons)
