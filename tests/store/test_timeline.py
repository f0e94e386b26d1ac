"""The connections that are recognised as another database's, while a worker starts."""

from service.store import driver
from service.store.connection import connect
from service.store.postgres import PostgresStore
from service.store.timeline import Timeline


async def test_a_connection_compared_before_the_agreement_is_committed_is_accepted(database, monkeypatch) -> None:
    timeline = Timeline()
    store = await PostgresStore.open(database, connections=1, timeline=timeline)
    commit = driver._Transaction.__aexit__
    compared: list[str | None] = []

    async def compare_first(transaction, *error) -> None:
        connection = await connect(database, timeline)
        compared.append(timeline.known)
        await connection.close()
        await commit(transaction, *error)

    monkeypatch.setattr(driver._Transaction, "__aexit__", compare_first)
    try:
        await store.note_input_agrees({})
        assert compared == [timeline.known]
        assert timeline.agreed_at is not None
    finally:
        await store.close()
