"""The examples with which each help text ends: there for every command, and understood by the program."""

import shlex
from collections.abc import Iterator

import pytest

from service.cli import EXAMPLES, names, parser
from service.cli.examples import CommandParser, Examples
from service.cli.quarantine import meant_records
from tests.cli.installed_files import examples_of
from tests.forkserver import run_text
from tests.waiting import HANG_SECONDS

REDIRECTIONS = ("|", ">", "<")


def words_of(line: str) -> list[str]:
    """The words of an example up to where the shell takes over."""
    words = shlex.split(line)
    return words[: next((number for number, word in enumerate(words) if word in REDIRECTIONS), len(words))]


def all_examples() -> Iterator[str]:
    yield from (line for _, line in EXAMPLES)
    for name in names():
        yield from (line for _, line in examples_of(name))


@pytest.fixture(scope="module")
def whole() -> CommandParser:
    return parser(names(), "python -m service")


@pytest.mark.parametrize("line", list(dict.fromkeys(all_examples())))
def test_an_example_is_understood(line: str, whole: CommandParser) -> None:
    chosen = whole.parse_args(words_of(line))
    if line.startswith(("quarantine replay", "quarantine drop")):
        meant_records(chosen)


def leaves(path: list[str], one: CommandParser) -> Iterator[tuple[list[str], CommandParser]]:
    if not one.commands:
        yield path, one
    for name, (_, command) in one.commands.items():
        yield from leaves([*path, name], command)


def test_every_help_text_ends_with_examples_of_its_command(whole: CommandParser) -> None:
    without = [
        " ".join(path) for path, one in leaves([], whole) if f"  python -m service {' '.join(path)}" not in one.epilog
    ]
    assert without == []
    assert len(list(leaves([], whole))) > 30


def test_no_example_is_wider_than_a_terminal(whole: CommandParser) -> None:
    wide = [line for _, one in leaves([], whole) for line in one.format_help().splitlines() if len(line) > 120]
    assert wide == []


def test_examples_are_those_of_the_subcommand() -> None:
    help_text = run_text("service", ["order", "hold", "--help"], {}, HANG_SECONDS).stdout
    tail = help_text.partition("examples:\n")[2]
    assert tail == (
        "  # Stop deciding about an order\n"
        '  python -m service order hold ord-1 --why "the buyer disputes the receipt"\n'
    )


def test_examples_of_names_only_the_commands_own() -> None:
    found: Examples = examples_of("what-if")
    assert found
    assert all(line.startswith("what-if") for _, line in found)
