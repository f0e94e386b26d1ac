"""Exit codes have one place: no command returns a number of its own."""

import ast
from importlib import import_module
from pathlib import Path

import pytest

from service import cli


@pytest.mark.parametrize("command", cli.names())
def test_a_command_returns_no_number_of_its_own(command) -> None:
    source = import_module(f"service.cli.{command.replace('-', '_')}").__file__
    tree = ast.parse(Path(source).read_text(encoding="utf-8"))
    returned = [node.value for node in ast.walk(tree) if isinstance(node, ast.Return) and node.value is not None]
    either = [one for value in returned if isinstance(value, ast.IfExp) for one in (value.body, value.orelse)]
    numbers = [one.lineno for one in (*returned, *either) if isinstance(one, ast.Constant) and type(one.value) is int]
    assert numbers == [], f"{source}: return a member of ExitCode"
