"""pytest fixtures for teams that read our topics. Installed with the package; idle until a test names one.

| fixture | value |
|---|---|
| `purchasing_commands` | example commands as records, every type on several orders |
| `purchasing_stream` | these records as Kafka may deliver them; call it with your own records, or another seed |
| `purchasing_service` | a stand-in of the service: `send(event)`, then `published()` |
"""

import os
from typing import TYPE_CHECKING

import pytest

# Only for types: every run of pytest imports this module where the package is installed.
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from purchasing_contracts.records import Record
    from purchasing_contracts.testing.stand_in import StandIn
    from purchasing_contracts.testing.stream import Stream


def pytest_addoption(parser: pytest.Parser) -> None:
    """Declare the setting."""
    parser.addini("purchasing_simulate", "the command that runs the purchasing service's `simulate -`", default="")


@pytest.fixture
def purchasing_commands() -> "list[Record]":
    """Example commands: every type on three orders, each with a `command_id` of its own."""
    from purchasing_contracts.testing.messages import example_commands

    return example_commands()


@pytest.fixture
def purchasing_stream(purchasing_commands: "list[Record]") -> "Callable[..., Stream]":
    """`purchasing_stream(records, seed=0)`: the records (default: all example commands), some delivered again."""
    from purchasing_contracts.testing.stream import Stream

    def stream(records: "Sequence[Record] | None" = None, *, seed: int = 0) -> Stream:
        return Stream(purchasing_commands if records is None else records, seed)

    return stream


@pytest.fixture
def purchasing_service(pytestconfig: pytest.Config) -> "StandIn":
    """A stand-in of the service without events. Fails and says what to install if there is no service."""
    from purchasing_contracts.testing.stand_in import StandIn, StandInError, simulate_command

    given = os.environ.get("PURCHASING_SIMULATE") or pytestconfig.getini("purchasing_simulate")
    try:
        return StandIn(simulate_command(given))
    except StandInError as error:
        pytest.fail(str(error), pytrace=False)
