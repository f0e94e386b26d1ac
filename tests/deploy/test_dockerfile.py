"""The Dockerfile: without what hadolint warns of, and with what it copies."""

import ast
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from importlib.metadata import packages_distributions
from pathlib import Path

from tests.deploy.test_alerts import DEPLOY

ROOT = DEPLOY.parent
DOCKERFILE = DEPLOY / "Dockerfile"
HADOLINT = Path(sys.executable).with_name("hadolint")


def hadolint(text: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([str(HADOLINT), "-"], input=text, capture_output=True, text=True, check=False)


def test_hadolint_finds_nothing():
    done = hadolint(DOCKERFILE.read_text())
    assert (done.returncode, done.stdout) == (0, ""), done.stdout + done.stderr


def test_hadolint_would_notice():
    assert "DL3007" in hadolint(DOCKERFILE.read_text().replace("3.13-slim-bookworm", "latest")).stdout


def test_it_ends_as_a_numbered_user_with_the_service_as_first_process():
    stage = DOCKERFILE.read_text().rpartition("FROM ")[2]
    assert re.search(r"^USER 10001:10001$", stage, re.MULTILINE)
    assert re.search(r'^ENTRYPOINT \["python", "-m", "service"\]$', stage, re.MULTILINE)
    assert "HEALTHCHECK" in stage


def test_copied_files_exist_and_are_not_ignored():
    ignored = (ROOT / ".dockerignore").read_text().splitlines()
    assert "*" in ignored
    copied = re.findall(r"^COPY (?!--from)(.+) \S+$", DOCKERFILE.read_text(), re.MULTILINE)
    for source in " ".join(copied).split():
        assert (ROOT / source).exists(), source
        assert f"!{source.split('/')[0]}" in ignored, source


def imported(tree: ast.AST) -> Iterator[str]:
    """First parts of what is imported when a module is, so not within functions."""
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name.partition(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield (node.module or "").partition(".")[0]
        elif not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and not _for_types_only(node):
            yield from imported(node)


def _for_types_only(node: ast.AST) -> bool:
    return isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING"


def test_the_image_has_every_package_that_the_service_imports():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    declared = {re.split(r"[\[<>=~!; ]", one)[0].lower() for one in project["dependencies"]}
    for extra in re.findall(r"--extra ([\w-]+)", DOCKERFILE.read_text().partition("${MSK")[0]):
        declared |= {re.split(r"[\[<>=~!; ]", one)[0].lower() for one in project["optional-dependencies"][extra]}
    declared |= {"pydantic-core", "markupsafe", "multidict"}  # halves of pydantic, jinja2 and aiohttp
    providers = packages_distributions()
    missing = {
        f"{path.relative_to(ROOT)}: {name}"
        for path in (ROOT / "service").rglob("*.py")
        for name in imported(ast.parse(path.read_text()))
        if name not in sys.stdlib_module_names | {"service", "__future__"}
        and not declared & {one.lower().replace("_", "-") for one in providers.get(name, [name])}
    }
    assert missing == set(), "declare them in pyproject.toml, or the image can't start"
