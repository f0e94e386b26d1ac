"""An error that ends a command is a sentence where a person or time can mend it, and else a fault in the program."""

import pytest
from aiokafka import errors as kafka
from asyncpg import exceptions as postgres

from service import cli
from service.cli import expected_errors
from service.runtime.exit_codes import ExitCode
from service.store.errors import NotUsableError


@pytest.mark.parametrize(
    ("error", "code", "says"),
    [
        (NotUsableError("the URL"), ExitCode.NOT_DONE, "the URL"),
        (
            postgres.TooManyConnectionsError("sorry, too many clients already"),
            ExitCode.NOT_DONE,
            "too many clients already",
        ),
        (
            postgres.InvalidPasswordError("for user x"),
            ExitCode.NOT_DONE,
            "check its user, its password and its database",
        ),
        (postgres.UniqueViolationError("planted"), ExitCode.FAULT, None),
        (kafka.TopicAuthorizationFailedError("purchasing.decisions.v1"), ExitCode.NOT_DONE, "grant WRITE on it"),
        (kafka.NotEnoughReplicasError("x"), ExitCode.NOT_DONE, "Kafka refused a request: NotEnoughReplicasError"),
        (kafka.IllegalStateError("x"), ExitCode.FAULT, None),
        (ValueError("planted"), ExitCode.FAULT, None),
    ],
    ids=lambda value: type(value).__name__,
)
def test_each_error_that_ends_a_command_has_its_exit_code(error, code, says, capsys) -> None:
    assert cli._report(error) == code
    assert (says is None) is (expected_errors.sentence_for(error) is None)
    told = capsys.readouterr().err
    assert (says or "") in told
    assert "planted" not in told
