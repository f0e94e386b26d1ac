"""One word per concept: the words of before are in no identifier, log line, help text, metric or setting."""

import ast
import re
from collections.abc import Iterator

import pytest

SAY = {
    "fuse": "circuit breaker", "fuses": "circuit breakers", "blown": "open", "blow": "open", "blew": "opened",
    "brake": "pause", "brakes": "pauses", "braked": "paused", "pulled": "paused",
    "aside": "quarantined", "asides": "quarantined", "lying": "quarantined", "dealt": "outcome",
    "unopened": "unreadable",
    "horizon": "watermark", "horizons": "watermarks", "lineage": "timeline", "lineages": "timelines",
    "acknowledge": "commit", "acknowledged": "committed", "acknowledging": "committing", "acknowledgement": "commit",
    "arrival": "inbound record", "arrivals": "inbound records",
}  # fmt: skip
"""Words that stand in no name and in no text for an operator, with what to say."""

HEARSAY = {
    **dict.fromkeys(("hear", "hears", "heard", "unheard"), "receive, received"),
    **dict.fromkeys(("tell", "tells", "told", "telling", "teller"), "report, publish, print or record"),
    **dict.fromkeys(("say", "says", "said", "saying", "unsaid"), "what it is: outputs, a text, a report"),
    **dict.fromkeys(("tidings", "news", "handed"), "what it is: messages, records, events"),
}  # fmt: skip
"""Words of conversation for what a program does: in no name of the service and of the contracts, with what to say."""

PLAIN = frozenset({"arrival", "arrivals", "dealt", "lying", "aside", "blow", "blown", "pulled"})
"""Of these, words of plain English: the name of a test may have them."""

CLASSES = {
    "Means": "BatchContext", "Reading": "OrderView", "Moment": "Clock", "Draft": "Outputs",
    "Standing": "StandingDecision",
    "Heard": "IncomingEvent", "News": "DedupResult", "Handed": "BatchOffsets", "Handled": "BatchResult",
    "Refused": "Rejection", "Mark": "EndOffset", "Noted": "Watermarks", "Reached": "Watermarks", "End": "Shutdown",
    "Lying": "QuarantinedRecord", "Which": "QuarantineFilter", "Right": "Acl", "Expectation": "WaitInWords",
    "SaidError": "CommandError",
}  # fmt: skip
"""Classes of the service that have another name now."""

OTHER_MEANINGS = frozenset({("service/console/access.py", "Right")})
"""Classes that have such a name and stand for something else: what a person may do in the console."""

NAMES = {
    "anything_else": "catch_unexpected", "be_gone_within": "force_exit_after", "put_aside": "quarantine",
    "read_up_to": "watermark", "let_go": "resume", "missing_right": "missing_acl", "sort_out": "deduplicate",
}  # fmt: skip
"""Names of the service, whole or behind an underscore, that are others now."""

TEXTS = (
    *(rf"(?i)\b{word}\b" for word in SAY if word not in ("dealt", "blow", "lying", "pulled")),
    r"(?i)\bput aside\b",
    r"(?i)\b(un)?heard\b",
    r"(?i)\btidings\b",
    r"PURCHASING_FUSE",
)
PARTS = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+")


def names(tree: ast.Module) -> Iterator[tuple[int, str]]:
    """All names that a module gives to something."""
    for node in ast.walk(tree):
        line = getattr(node, "lineno", 0)
        if isinstance(node, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            yield line, node.name
        elif isinstance(node, ast.arg):
            yield line, node.arg
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            yield line, node.id
        elif isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store):
            yield line, node.attr
        elif isinstance(node, ast.alias) and node.asname:
            yield line, node.asname


def wrong_names(name: str, tree: ast.Module) -> Iterator[str]:
    """The names of a module that have an old word, and the word to use instead."""
    ours = name.startswith("service/")
    plain_words = name.startswith(("service/", "contracts/purchasing_contracts/"))
    for line, one in names(tree):
        for part in PARTS.findall(one):
            if part.lower() in SAY and not (one.startswith("test_") and part.lower() in PLAIN):
                yield f"{name}:{line} {one}: say {SAY[part.lower()]}"
            if plain_words and part.lower() in HEARSAY:
                yield f"{name}:{line} {one}: say {HEARSAY[part.lower()]}"
        if ours and one.lstrip("_") in NAMES:
            yield f"{name}:{line} {one}: say {NAMES[one.lstrip('_')]}"
    if ours:
        for node in ast.walk(tree):
            if isinstance(node, ast.ClassDef) and node.name.lstrip("_") in CLASSES.keys() - {
                one for where, one in OTHER_MEANINGS if where == name
            }:
                yield f"{name}:{node.lineno} {node.name}: say {CLASSES[node.name.lstrip('_')]}"


def texts_for_operators(name: str, tree: ast.Module) -> Iterator[tuple[int, str]]:
    """The texts that an operator sees: log lines, help, what a command prints, metrics; and a command's docstring."""
    if name.startswith("service/cli/"):
        yield 1, ast.get_docstring(tree) or ""
    for node in ast.walk(tree):
        if not isinstance(node, ast.Call):
            continue
        called = ast.unparse(node.func).rpartition(".")
        given = [*node.args, *(one.value for one in node.keywords if one.arg in ("help", "description", "message"))]
        if called[2] in (
            "debug",
            "info",
            "warning",
            "error",
            "critical",
            "log",
            "report",
            "write",
            "add_parser",
            "add_argument",
            "Metric",
            "Finding",
        ):
            for text in given:
                for one in ast.walk(text):
                    if isinstance(one, ast.Constant) and isinstance(one.value, str):
                        yield node.lineno, one.value


def wrong_texts(name: str, tree: ast.Module) -> Iterator[str]:
    for line, text in texts_for_operators(name, tree):
        for one in TEXTS:
            if found := re.search(one, text):
                yield f"{name}:{line} {found[0]!r} in {text[:60]!r}"


def test_no_name_is_a_word_of_before(sources: dict[str, ast.Module]) -> None:
    found = [
        one
        for name, tree in sources.items()
        if name.startswith(("service/", "tests/", "contracts/purchasing_contracts/"))
        and name != "tests/house/test_glossary.py"
        for one in wrong_names(name, tree)
    ]
    assert found == []


def test_no_text_for_operators_has_a_word_of_before(sources: dict[str, ast.Module], texts: dict[str, str]) -> None:
    found = [one for name, tree in sources.items() if name.startswith("service/") for one in wrong_texts(name, tree)]
    for name, text in texts.items():
        if name.startswith("deploy/") or name == "README.md":
            found += [f"{name}: {one[0]!r}" for word in TEXTS for one in re.finditer(word, text)]
    assert found == []


@pytest.mark.parametrize(
    ("code", "say"),
    [
        ("def blow_fuse(): ...", "circuit breaker"),
        ("class BrakePulled: ...", "pause"),
        ("one.horizon = 3", "watermark"),
        ("with anything_else(report) as anything_else: ...", "catch_unexpected"),
        ("class Reading: ...", "OrderView"),
        ("def f(arrivals): ...", "inbound records"),
        ("heard_at = 3", "receive, received"),
        ("def tell_reason(): ...", "report, publish, print or record"),
    ],
)
def test_a_name_of_before_is_recognised(code: str, say: str) -> None:
    assert any(one.endswith(f": say {say}") for one in wrong_names("service/example.py", ast.parse(code)))


@pytest.mark.parametrize(
    "code",
    [
        'log.error("breaker_opened", message="The fuse is blown.", topic=topic)',
        'parser.add_argument("--x", help="a record put aside")',
        'Metric("a", "gauge", "seconds", "How far the horizon is.")',
        'report(f"{n} brakes")',
        'report("No message was heard.")',
    ],
)
def test_a_text_of_before_is_recognised(code: str) -> None:
    assert list(wrong_texts("service/example.py", ast.parse(code)))
    assert not list(wrong_names("service/example.py", ast.parse(code)))
