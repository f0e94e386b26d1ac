"""The wheel in an empty environment: `purchasing` as a command, its completion and man pages, and the documents."""

import os
import shutil
import warnings
import zipfile
from pathlib import Path

import pytest

from service.cli import PROGRAM, names
from service.cli.completion import INSTALLED, SCRIPTS
from tests.cli.installed_files import PAGES, examples_of, files
from tests.wheels import ROOT, build, environment_with, run

SERVERLESS = ("clauses", "completion", "simulate")
"""Commands whose examples need neither broker nor database."""


@pytest.fixture(scope="module")
def wheels(tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = tmp_path_factory.mktemp("wheels")
    for package in (ROOT, ROOT / "contracts"):
        build(package, directory)
    return directory


@pytest.fixture(scope="module")
def environment(wheels: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An environment with both wheels."""
    return environment_with([*wheels.glob("*.whl")], tmp_path_factory.mktemp("installed") / "environment")


@pytest.fixture
def home(environment: Path, tmp_path: Path) -> dict[str, str]:
    """A user with an empty home directory and the program on the PATH."""
    for directory in (".local/share/bash-completion/completions", ".zsh/completions", ".config/fish/completions"):
        (tmp_path / directory).mkdir(parents=True)
    return {"HOME": str(tmp_path), "PATH": f"{environment / 'bin'}:{os.environ['PATH']}"}


def test_the_wheel_brings_the_agreement_and_the_rules(wheels: Path) -> None:
    (wheel,) = wheels.glob("purchasing_service-*.whl")
    with zipfile.ZipFile(wheel) as archive:
        for name in ("agreement.md", "rules.md"):
            assert archive.read(f"service/docs/{name}") == (ROOT / "service" / "docs" / name).read_bytes()


def test_the_files_that_are_installed_are_those_of_the_parsers() -> None:
    kept = {path.relative_to(INSTALLED).as_posix(): path.read_text() for path in INSTALLED.rglob("*") if path.is_file()}
    made = files()
    assert sorted(kept) == sorted(made)
    assert [name for name in made if kept[name] != made[name]] == [], "run `python -m tests.cli.installed_files`"


def test_the_environment_has_a_man_page_per_command_and_a_script_per_shell(environment: Path) -> None:
    pages = {path.name for path in (environment / PAGES).iterdir()}
    assert pages == {f"{PROGRAM}.1", *(f"{PROGRAM}-{name}.1" for name in names())}
    for shell, path in SCRIPTS.items():
        assert (environment / path).read_text() == (INSTALLED / path).read_text(), shell


def test_help_names_the_program_as_it_was_started(environment: Path, home: dict[str, str], tmp_path: Path) -> None:
    installed = run([PROGRAM, "clauses", "--help"], tmp_path, **home)
    module = run([environment / "bin" / "python", "-m", "service", "clauses", "--help"], tmp_path)

    assert installed.stdout.startswith("usage: purchasing clauses ")
    assert "\n  purchasing clauses 12\n" in installed.stdout
    assert module.stdout.startswith("usage: python -m service clauses ")
    assert "\n  python -m service clauses 12\n" in module.stdout


def test_examples_without_servers_are_run_by_a_shell_as_they_are_shown(home: dict[str, str], tmp_path: Path) -> None:
    case = (ROOT / "tests" / "cases" / "13-cancel-after-purchase-seller-agrees-with-penalty.json").read_text()
    (tmp_path / "case.json").write_text(case)
    (tmp_path / "events.jsonl").write_text(case)
    (tmp_path / "terms.toml").write_text(
        '[[terms]]\nversion = "2026-01"\nprovider_id = "*"\neffective_from = 2026-01-01T00:00:00Z\ntip_limit = 30000\n'
    )
    lines = [line for name in SERVERLESS for _, line in examples_of(name) if " | " not in line]
    lines += [line for _, line in examples_of("topics") if "--outbox-id" in line]
    script = "".join(f"{PROGRAM} {line} > output\ntest -s output\n" if ">" not in line else f"{PROGRAM} {line}\n"
                     for line in [*lines, "terms check terms.toml 2>&1"])  # fmt: skip

    ended = run(["sh", "-e", "-c", script], tmp_path, **home)

    assert (ended.returncode, ended.stderr) == (0, "")
    assert len(lines) > 8
    assert (tmp_path / ".zsh/completions/_purchasing").read_text() == (INSTALLED / SCRIPTS["zsh"]).read_text()


BASH = """
source {script}
complete -p purchasing > /dev/null
reply() {{ COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _shtab_purchasing; echo "${{COMPREPLY[*]}}"; }}
reply purchasing qu
reply purchasing quarantine ""
reply purchasing order hold --w
reply purchasing order waiting --from ""
reply purchasing terms check te
"""


def test_bash_completes_commands_options_choices_and_files(environment: Path, tmp_path: Path) -> None:
    (tmp_path / "terms.toml").touch()
    ended = run(["bash", "-c", BASH.format(script=environment / SCRIPTS["bash"])], tmp_path)

    assert ended.stderr == ""
    commands, subcommands, option, parties, file = ended.stdout.splitlines()
    assert commands == "quarantine"
    assert subcommands == "list show replay drop"
    assert option == "--why"
    assert {"buyer", "seller", "platform"} <= set(parties.split())
    assert file == "terms.toml"


FISH = "source {script}; complete --do-complete 'purchasing order hold --w'; complete --do-complete 'purchasing qu'"
ZSH = 'autoload -Uz compinit; compinit -u -D; eval "$(cat {script})"; print $_comps[purchasing]'


@pytest.mark.parametrize(
    ("shell", "program", "shows"),
    [("fish", FISH, ["--why", "quarantine"]), ("zsh", ZSH, ["_shtab_purchasing"])],
    ids=["fish", "zsh"],
)
def test_other_shells_take_their_script(
    shell: str, program: str, shows: list[str], environment: Path, home: dict[str, str], tmp_path: Path
) -> None:
    if shutil.which(shell) is None:
        warnings.warn(f"not tried: there is no {shell} on the PATH (apt-get install {shell})", stacklevel=1)
        return
    ended = run([shell, "-c", program.format(script=environment / SCRIPTS[shell])], tmp_path, **home)

    assert (ended.returncode, ended.stderr) == (0, "")
    assert [line.split("\t")[0] for line in ended.stdout.splitlines()] == shows


def test_man_pages_have_no_error(environment: Path, tmp_path: Path) -> None:
    groff = shutil.which("groff")
    if groff is None:
        warnings.warn("not tried: there is no groff on the PATH (apt-get install groff-base)", stacklevel=1)
        return
    pages = sorted((environment / PAGES).iterdir())
    ended = run([groff, "-man", "-Tutf8", "-ww", "-P-cbu", *pages], tmp_path)

    assert (ended.returncode, ended.stderr) == (0, "")
    shown = " ".join(ended.stdout.split())
    assert [name for name in names() if f"NAME purchasing-{name} - " not in shown] == []
    assert 'purchasing order hold ord-1 --why "the buyer disputes the receipt"' in shown
