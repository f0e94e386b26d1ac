"""Log lines can be found: each has a constant name and sentence, and documents name only lines that are written."""

import ast
import re
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass

import pytest

LEVELS = frozenset({"debug", "info", "warning", "error", "critical", "exception", "log"})
LOGGERS = frozenset({"log", "self._log"})
"""The names that structlog's loggers have."""
PASSED_ON = ("service/inbox/listener.py", "faststream")
"""The one logger that passes on what a library says."""
OTHERS = frozenset({"zlib"})
"""Modules that have a method of such a name and are no loggers."""
NAME = re.compile(r"[a-z]+(_[a-z]+)+")
NAMED = re.compile(r"log\s+lines?\s+`([^`]+)`(?:\s+(?:and|or)\s+`([^`]+)`)?")
"""The phrase by which documents name a log line: "the log line `order_stuck`"."""


@dataclass(frozen=True)
class LogLine:
    """A call that writes a line; `event` and `message` are None where they are no constants."""

    place: str
    event: str | None
    message: str | None
    wrong: str = ""


def constant(node: ast.expr | None) -> str | None:
    return node.value if isinstance(node, ast.Constant) and isinstance(node.value, str) else None


def log_lines(name: str, tree: ast.Module) -> Iterator[LogLine]:
    for node in ast.walk(tree):
        if not (isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in LEVELS):
            continue
        logger = ast.unparse(node.func.value)
        if node.func.attr == "exception" and not node.args:
            continue  # a task's or a future's
        if logger in OTHERS or (name, logger) == PASSED_ON:
            continue
        place = f"{name}:{node.lineno}"
        if logger not in LOGGERS:
            yield LogLine(place, None, None, f"{logger} is no logger of ours: {sorted(LOGGERS)}")
            continue
        given = node.args[1:] if node.func.attr == "log" else node.args
        event = constant(given[0]) if given else None
        message = constant(next((one.value for one in node.keywords if one.arg == "message"), None))
        wrong = ""
        if len(given) != 1 or event is None or not NAME.fullmatch(event):
            wrong = "its first argument is the name of the event, a constant in snake_case, and its only one"
        elif message is None or not re.fullmatch(r"[A-Z].*\.", message):
            wrong = "`message` is a constant sentence"
        yield LogLine(place, event, message, wrong)


@pytest.fixture(scope="session")
def lines(sources: dict[str, ast.Module]) -> list[LogLine]:
    return [one for name, tree in sources.items() if name.startswith("service/") for one in log_lines(name, tree)]


def test_each_line_is_a_constant_name_and_a_constant_sentence(lines: list[LogLine]) -> None:
    assert [f"{one.place}: {one.wrong}" for one in lines if one.wrong] == []
    assert len(lines) > 40


def test_a_name_has_one_sentence_and_a_sentence_one_name(lines: list[LogLine]) -> None:
    sentences, names = defaultdict(set), defaultdict(set)
    for one in lines:
        sentences[one.event].add(one.message)
        names[one.message].add(one.event)
    assert {event: found for event, found in sentences.items() if len(found) > 1} == {}
    assert {message: found for message, found in names.items() if len(found) > 1} == {}


def test_each_line_that_a_document_names_is_written_somewhere(lines: list[LogLine], texts: dict[str, str]) -> None:
    written = {one.event for one in lines}
    named = {
        (name, event)
        for name, text in texts.items()
        if name == "README.md" or name.startswith("deploy/") or (name.startswith("service/") and name.endswith(".md"))
        for found in NAMED.findall(text)
        for event in found
        if event
    }
    assert {one for one in named if one[1] not in written} == set()
    assert len([one for one in named if one[0] == "service/docs/runbook.md"]) > 4


@pytest.mark.parametrize(
    "code",
    [
        'log.info("Stored.")',
        'log.info("stored", message="Stored.")',
        'log.info("batch_stored")',
        'log.info("batch_stored", message=f"{n} stored.")',
        'log.info(f"batch_{n}", message="Stored.")',
        'log.info("batch_stored", "%d", n, message="Stored.")',
        'log.log(level, name, message="Stored.")',
        'logging.getLogger("service").info("batch_stored", message="Stored.")',
    ],
)
def test_a_line_that_could_not_be_found_is_noticed(code: str) -> None:
    (line,) = log_lines("service/example.py", ast.parse(code))
    assert line.wrong


@pytest.mark.parametrize(
    "code",
    ['log.info("batch_stored", message="Stored.", n=n)', 'self._log.log(level, "batch_stored", message="Stored.")'],
)
def test_a_line_that_can_be_found_is_taken(code: str) -> None:
    (line,) = log_lines("service/example.py", ast.parse(code))
    assert (line.event, line.message, line.wrong) == ("batch_stored", "Stored.", "")
