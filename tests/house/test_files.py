"""House rules about files: short functions, true on every machine, no promises left open."""

import ast
import json
import re
import tomllib
from collections.abc import Iterator

from tests.conftest import LONGEST, ROOT

LINES_A_FUNCTION = 60
NAME_OF_A_TEST = 80

# The only places where an unexpected error may be caught.
BROAD_EXCEPT_ALLOWED = {"service/runtime/errors.py"}
BROAD = {"Exception", "BaseException"}
# Where connections to PostgreSQL are made that end instead of waiting for ever; and a server of our own is probed.
CONNECTING_ALLOWED = {"service/store/connection.py", "service/embedded/postgres.py"}

# Put together here, so that this file doesn't hold what it looks for.
OPEN_PROMISES = re.compile(r"\b(" + "|".join(["TO" + "DO", "FIX" + "ME", "X" * 3]) + r")\b")
SKIPPED_TESTS = re.compile(r"pytest\." + r"skip|mark\." + r"skip|mark\." + r"xfail")
MACHINE_PATHS = re.compile(r"(?<![\w.$~/}-])/(?:work|farm|root|home)/[\w.]+")
PUBLIC_INDEX_HOSTS = {"pypi.org", "files.pythonhosted.org"}


def test_no_function_is_longer_than_60_lines(sources: dict[str, ast.Module]) -> None:
    long = {
        f"{name}:{node.lineno} {node.name}": lines
        for name, tree in sources.items()
        for node in ast.walk(tree)
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        and (lines := (node.end_lineno or node.lineno) - node.lineno + 1) > LINES_A_FUNCTION
    }
    assert long == {}, f"cut them: {long}"


def test_the_files_that_begin_first_are_there() -> None:
    assert [name for name in LONGEST if not (ROOT / "tests" / name).is_file()] == []
    assert len(LONGEST) == len(set(LONGEST))


def test_no_test_has_a_name_longer_than_80_characters(sources: dict[str, ast.Module]) -> None:
    long = {
        f"{name}:{node.lineno} {node.name}"
        for name, tree in sources.items()
        if name.startswith("tests/")
        for node in ast.walk(tree)
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and len(node.name) > NAME_OF_A_TEST
    }
    assert long == set(), "name one behaviour each"


def broad_handlers(tree: ast.Module) -> Iterator[int]:
    """Lines that catch, or suppress, every exception; who cleans up and raises it again doesn't."""
    for node in ast.walk(tree):
        if isinstance(node, ast.ExceptHandler):
            last = node.body[-1]
            if isinstance(last, ast.Raise) and last.exc is None:
                continue
            caught = [node.type] if node.type is not None else []
        elif isinstance(node, ast.Call) and ast.unparse(node.func).endswith("suppress"):
            caught = list(node.args)
        else:
            continue
        names = {ast.unparse(part) for kind in caught for part in getattr(kind, "elts", [kind])}
        if not caught or names & BROAD:
            yield node.lineno


def test_only_the_failure_module_catches_what_nobody_foresaw(sources: dict[str, ast.Module]) -> None:
    places = [
        f"{name}:{line}"
        for name, tree in sources.items()
        if not name.startswith("tests/") and name not in BROAD_EXCEPT_ALLOWED
        for line in broad_handlers(tree)
    ]
    assert places == [], f"name the errors, or use service.runtime.errors: {places}"


def test_a_broad_except_is_recognised_in_each_of_its_forms() -> None:
    forms = [
        "try: ...\nexcept: ...",
        "try: ...\nexcept Exception: ...",
        "try: ...\nexcept (OSError, BaseException): ...",
        "with contextlib.suppress(OSError, Exception): ...",
        "with suppress(Exception): ...",
    ]
    assert [len(list(broad_handlers(ast.parse(form)))) for form in forms] == [1] * len(forms)
    for fine in ("except (OSError, ValueError): ...", "except BaseException:\n    tidy()\n    raise"):
        assert list(broad_handlers(ast.parse(f"try: ...\n{fine}"))) == []


def test_all_connections_to_postgresql_are_made_in_one_place(texts: dict[str, str]) -> None:
    places = [
        name
        for name, text in texts.items()
        if name.startswith("service/")
        and name not in CONNECTING_ALLOWED
        and re.search(r"asyncpg\.(connect|create_pool)\b", text)
    ]
    assert places == [], f"use service.store.connection: {places}"


def test_no_promise_is_left_open(texts: dict[str, str]) -> None:
    places = [name for name, text in texts.items() if OPEN_PROMISES.search(text)]
    assert places == [], f"finish it, or open an issue: {places}"


def test_no_test_is_skipped(texts: dict[str, str]) -> None:
    places = [name for name, text in texts.items() if name.endswith(".py") and SKIPPED_TESTS.search(text)]
    assert places == []


def test_no_path_of_one_machine_is_in_a_file(texts: dict[str, str]) -> None:
    found = {name: paths for name, text in texts.items() if (paths := sorted(set(MACHINE_PATHS.findall(text))))}
    assert found == {}, f"other machines have other paths: {found}"


def test_the_lock_file_names_public_indexes_only(texts: dict[str, str]) -> None:
    hosts = set(re.findall(r"https?://([^/\"\s]+)", json.dumps(tomllib.loads(texts["uv.lock"]))))
    assert hosts == PUBLIC_INDEX_HOSTS


def test_each_command_of_the_makefile_explains_itself(texts: dict[str, str]) -> None:
    makefile = texts["Makefile"]
    targets = re.findall(r"^\.PHONY: (.*)$", makefile, re.MULTILINE)[0].split()
    explained = re.findall(r"^([a-z-]+):.*## .+$", makefile, re.MULTILINE)
    assert sorted(targets) == sorted(explained)
    assert {"demo", "test", "lint", "env", "clean"} <= set(targets)
