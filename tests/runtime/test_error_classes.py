"""Every error of PostgreSQL and Kafka has its place in the one table, and what goes by it does."""

from __future__ import annotations

import inspect

import asyncpg
import pytest
from aiokafka import errors as kafka
from asyncpg import exceptions as postgres

from service.outbox.errors import REFUSALS, is_fence
from service.runtime.error_classes import (
    KAFKA_ERRORS,
    SESSIONS_NEEDED,
    SQLSTATES,
    UNKNOWN,
    ErrorClass,
    kafka_errors,
    kafka_meaning,
    sqlstate_meaning,
)
from service.runtime.errors import describe
from service.store.driver_errors import translated
from service.store.errors import (
    NotAllowedError,
    NotUsableError,
    SchemaError,
    StoreError,
    StoreUnavailableError,
    ValueRefusedError,
)

PLANTED = "planted in a row"
RAISED: dict[ErrorClass, type[StoreError] | type[asyncpg.PostgresError]] = {
    ErrorClass.WAIT: StoreUnavailableError,
    ErrorClass.VALUE: ValueRefusedError,
    ErrorClass.SETTING: NotUsableError,
    ErrorClass.RIGHT: NotAllowedError,
    ErrorClass.SCHEMA: SchemaError,
    ErrorClass.FAULT: asyncpg.PostgresError,
}


def sqlstates() -> dict[str, type[asyncpg.PostgresError]]:
    """One error of each SQLSTATE that the driver knows: those of PostgreSQL's Appendix A."""
    found = [one for one in vars(postgres).values() if inspect.isclass(one) and getattr(one, "sqlstate", None)]
    return {one.sqlstate: one for one in found if one is not asyncpg.InvalidCachedStatementError}


def raised() -> list[str]:
    """Those that are raised: not warnings and notices, which the driver hands to who listens for them."""
    return sorted(state for state, one in sqlstates().items() if issubclass(one, asyncpg.PostgresError))


def kafka_classes(of: type[kafka.KafkaError] = kafka.KafkaError) -> set[type[kafka.KafkaError]]:
    """The client's own; a test may have made others."""
    below = {one for sub in of.__subclasses__() for one in kafka_classes(sub)}
    return {one for one in {of, *below} if one.__module__ == kafka.__name__}


def test_no_class_of_postgresqls_error_codes_is_without_an_entry() -> None:
    classes = {state[:2] for state in sqlstates()}
    assert len(classes) > 40
    assert classes - set(SQLSTATES) == set()
    assert {state[:2] for state in SQLSTATES} - classes == {"00"}
    assert sqlstate_meaning("ZZ000") is UNKNOWN


def test_no_error_of_kafkas_client_is_without_an_entry() -> None:
    assert kafka_classes() == set(KAFKA_ERRORS)


@pytest.mark.parametrize("state", raised())
async def test_each_code_has_the_class_of_the_table(state: str) -> None:
    error = sqlstates()[state](PLANTED)
    meaning = sqlstate_meaning(state)
    with pytest.raises(RAISED[meaning.meaning]) as found:
        async with translated():
            raise error
    assert isinstance(found.value, StoreError) is (meaning.meaning is not ErrorClass.FAULT)
    assert (PLANTED in describe(error)) is meaning.shown


@pytest.mark.parametrize(
    ("state", "meaning"),
    [
        ("08006", ErrorClass.WAIT),
        ("25006", ErrorClass.WAIT),
        ("40P01", ErrorClass.WAIT),
        ("53300", ErrorClass.WAIT),
        ("55P03", ErrorClass.WAIT),
        ("57P03", ErrorClass.WAIT),
        ("28P01", ErrorClass.SETTING),
        ("3D000", ErrorClass.SETTING),
        ("42501", ErrorClass.RIGHT),
        ("42P01", ErrorClass.SCHEMA),
        ("22P05", ErrorClass.VALUE),
        ("42601", ErrorClass.FAULT),
        ("ZZ999", ErrorClass.FAULT),
    ],
)
def test_each_error_class_has_its_repairer(state: str, meaning: ErrorClass) -> None:
    assert sqlstate_meaning(state).meaning is meaning


@pytest.mark.parametrize("state", ["26000", "42P05"])
def test_a_statement_that_is_gone_or_there_already_is_a_poolers_doing(state: str) -> None:
    assert sqlstate_meaning(state).advice == SESSIONS_NEEDED


@pytest.mark.parametrize(
    ("text", "meaning"),
    [
        ("unsupported startup parameter: search_path", ErrorClass.SETTING),
        ("no such database: shop", ErrorClass.SETTING),
        ("no such user", ErrorClass.SETTING),
        ('server login failed: FATAL password authentication failed for user "u"', ErrorClass.SETTING),
        ("server login failed: FATAL the database system is starting up", ErrorClass.WAIT),
        ("query_wait_timeout", ErrorClass.WAIT),
        ("no more connections allowed (max_client_conn)", ErrorClass.WAIT),
        ("pgbouncer cannot connect to server", ErrorClass.WAIT),
        ("client_login_timeout (server down)", ErrorClass.WAIT),
        ("transaction blocks not allowed in statement pooling mode", ErrorClass.SETTING),
    ],
)
def test_poolers_are_understood_by_their_words(text: str, meaning: ErrorClass) -> None:
    assert sqlstate_meaning("08P01", text).meaning is meaning


def test_an_unsupported_startup_parameter_is_named() -> None:
    error = postgres.ProtocolViolationError("unsupported startup parameter: extra_float_digits")
    assert "extra_float_digits" in describe(error)


def test_a_kafka_error_of_the_future_means_what_the_nearest_known_one_does() -> None:
    class NewError(kafka.ProducerFenced):
        pass

    assert kafka_meaning(NewError()) is ErrorClass.FENCED
    assert kafka_meaning(kafka.KafkaError()) is ErrorClass.WAIT


def test_records_refused_and_fences_go_by_the_table() -> None:
    assert set(kafka_errors(ErrorClass.VALUE)) < set(REFUSALS)
    assert {one for one in kafka_classes() if is_fence(one())} == set(kafka_errors(ErrorClass.FENCED))
