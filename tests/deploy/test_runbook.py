"""Commands in the documents can be executed."""

import ast
import re
from collections.abc import Iterator

import pytest

from tests.deploy.documents import README, RIGHTS, ROOT, RUNBOOK, Said, commands, exists, problem, spans
from tests.deploy.test_kubernetes import rendered

TEXT = RUNBOOK.read_text()


@pytest.fixture(autouse=True)
def quiet(capsys):
    """Drop the output of the parser about commands that it refuses or explains."""
    yield
    capsys.readouterr()


def test_every_command_of_the_runbook_is_whole():
    found = list(commands(RUNBOOK))
    assert {"lag", "doctor", "breaker", "quarantine", "outbox", "order", "lanes"} <= {said.words[0] for said in found}
    # One word alone names a command.
    assert {str(said): problem(said) for said in found if problem(said) and (said.whole or len(said.words) > 1)} == {}


@pytest.mark.parametrize("document", [README, RIGHTS], ids=["README", "rights"])
def test_every_command_of_other_documents_is_whole_or_only_named(document):
    found = list(commands(document))
    assert len(found) > 10
    assert {str(said): problem(said) for said in found if problem(said) and (said.whole or not exists(said))} == {}


@pytest.mark.parametrize(
    ("command", "expected"),
    [
        ("quarantine replay", "Say which records"),
        ("quarantine drop --why x", "Say which records"),
        ("breaker reset", "not understood"),
        ("breaker reset a-topic", "not understood"),
        ("lanes adopt --lane 0 --position 0", "not understood"),
        ("order hold ord-1", "not understood"),
        ("lag --often", "not understood"),
        ("quarantine replay --reason schema", None),
        ("order retry --all", None),
    ],
)
def test_a_command_that_would_be_refused_is_noticed(command, expected):
    found = problem(Said(tuple(command.split()), whole=True))
    assert found is None if expected is None else expected in str(found)


def quoted() -> set[str]:
    """The texts in double quotes in the runbook's prose: titles of sections, and output of the program."""
    prose = re.sub(r"^ *```\w*\n.*?^ *```|`[^`]+`", "", TEXT, flags=re.MULTILINE | re.DOTALL)
    return {" ".join(one.split()) for one in re.findall(r'"([^"]+)"', prose)}


def texts_of_the_service() -> Iterator[str]:
    """All texts in its code, with an ellipsis for each value put in."""
    for path in (ROOT / "service").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                yield node.value
            elif isinstance(node, ast.JoinedStr):
                yield "".join(one.value if isinstance(one, ast.Constant) else "…" for one in node.values)


def test_the_runbook_quotes_only_sections_and_texts_of_the_program():
    titles = set(re.findall(r"^##? (.+)$", TEXT, re.MULTILINE))
    said = [" ".join(one.split()) for one in texts_of_the_service()]
    others = {one for one in quoted() - titles - {"Purchasing"} if not any(one.strip("… ") in text for text in said)}
    assert others == set()
    assert len(quoted() & titles) > 15
    assert len(quoted() - titles) > 10


def test_kafkas_tools_get_the_brokers_address_and_credentials():
    found = [span for span in spans(RUNBOOK) if re.match(r"kafka-\w+(-\w+)* --", span)]
    assert {span.split()[0] for span in found} == {
        "kafka-configs",
        "kafka-consumer-groups",
        "kafka-topics",
        "kafka-transactions",
    }
    for span in found:
        assert '--bootstrap-server "$PURCHASING_KAFKA_BOOTSTRAP_SERVERS" --command-config client.properties' in span


def test_each_query_of_the_runbook_names_its_command():
    """The image has no psql."""
    found = [one.start() for one in re.finditer(r"`(?:``sql\n)?(?:select|delete|update|insert|alter) ", TEXT)]
    assert len(found) == 3
    for start in found:
        assert "`psql`" in TEXT[start - 250 : start], TEXT[start : start + 80]


def test_every_object_named_to_kubectl_exists():
    asked = " ".join(span for span in spans(RUNBOOK) if "kubectl " in span).replace("deploy/kubernetes", "")
    resources = rendered("production")
    there = {(one["kind"].lower(), one["metadata"]["name"]) for one in resources}
    there |= {("secret", name) for name in re.findall(r"'name': '(purchasing[a-z-]*)'", str(resources))}
    # The toolbox is made by the first of these commands.
    there |= {
        ("deploy", "purchasing"),
        ("deploy", "purchasing-console"),
        ("job", "toolbox"),
        ("job", "purchasing-migrate-"),
    }
    named = set(re.findall(r"\b(cronjob|scaledobject|secret|deploy|job)[/ ]([a-z][a-z-]+)", asked))
    assert {kind for kind, _ in named} == {"cronjob", "scaledobject", "secret", "deploy", "job"}
    assert named <= there | {("job", "toolbox")}
    labels = re.findall(r"'app.kubernetes.io/component': '(\w+)'", str(resources))
    assert set(re.findall(r"app\.kubernetes\.io/component=(\w+)", asked)) <= {*labels}
