"""The wheel, installed alone into an empty environment: what another team has, and nothing else."""

import json
import zipfile
from pathlib import Path
from typing import Any

import pytest

from tests.wheels import ROOT, build, environment_with, run, uv

SMOKE = Path(__file__).with_name("wheel_smoke.py")

TESTS = """
from purchasing_contracts.envelope import decode_published


def test_we_pay_once(purchasing_stream):
    paid = set()
    purchasing_stream().prove_once(lambda record: paid.add(decode_published(record.value)[1].command_id), lambda: paid)


def test_we_understand_the_commands(purchasing_commands):
    assert len({decode_published(record.value)[1].TYPE for record in purchasing_commands}) == 5


def test_with_the_service(purchasing_service):
    assert purchasing_service.published() == []
"""


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = tmp_path_factory.mktemp("wheel")
    build(ROOT / "contracts", directory)
    (built,) = directory.glob("*.whl")
    return built


@pytest.fixture(scope="module")
def environment(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An environment with the wheel alone."""
    return environment_with([wheel], tmp_path_factory.mktemp("another-team") / "environment")


@pytest.fixture(scope="module")
def smoke(environment: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    copy = tmp_path_factory.mktemp("smoke") / "smoke.py"
    copy.write_text(SMOKE.read_text())
    done = run([environment / "bin" / "python", "-I", copy], copy.parent)
    assert done.returncode == 0, done.stderr
    result: dict[str, Any] = json.loads(done.stdout)
    return result


def test_the_wheel_needs_pydantic_and_nothing_else(smoke: dict[str, Any]) -> None:
    pydantic = {"annotated_types", "pydantic", "pydantic_core", "typing_extensions", "typing_inspection"}

    assert set(smoke["installed"]) == {"purchasing_contracts", *pydantic}


def test_the_wheel_brings_schemas_examples_and_the_document_and_is_typed(wheel: Path, smoke: dict[str, Any]) -> None:
    names = zipfile.ZipFile(wheel).namelist()
    there = [
        path.relative_to(ROOT / "contracts").as_posix()
        for folder in ("schemas", "examples", "released")
        for path in (ROOT / "contracts" / folder).rglob("*.json")
    ]

    assert {f"purchasing_contracts/{name}" for name in [*there, "asyncapi.json", "asyncapi.html", "py.typed"]} <= set(
        names
    )
    assert {name.split("/")[0].split("-")[0] for name in names} == {"purchasing_contracts"}
    assert smoke["types"] == len(list((ROOT / "contracts" / "schemas").iterdir()))
    assert smoke["root"].endswith("site-packages/purchasing_contracts")
    assert smoke["asyncapi"] is True


def test_a_good_event_is_valid_and_a_bad_one_is_reported(smoke: dict[str, Any]) -> None:
    assert smoke["good"] == [0, "1 message: 1 right, 0 refused\n"]
    assert smoke["bad"][0] == 1
    assert "refused, schema at /data/amount/value" in smoke["bad"][1]
    assert smoke["refused"].startswith("schema at /subject")


def test_a_command_is_read_and_a_schema_is_shown_and_checked(smoke: dict[str, Any]) -> None:
    assert smoke["command"] == ["purchasing.refund.issue.v1", 101301]
    assert smoke["schema"] == 0
    assert smoke["check"] == [0, "promised: they go together\n"]


def test_the_changes_of_a_version_come_from_the_releases_in_the_wheel(smoke: dict[str, Any]) -> None:
    code, text = smoke["changes"]

    assert code == 0
    assert "items: new: The items of this part" in text


def test_a_command_with_a_missing_extra_names_what_to_install(smoke: dict[str, Any]) -> None:
    assert smoke["live"][0] == 2
    assert "pip install 'purchasing-contracts[live]'" in smoke["live"][1]


def test_the_console_script_is_there(environment: Path, tmp_path: Path) -> None:
    done = run([environment / "bin" / "purchasing-contracts", "example", "tip_paid"], tmp_path)

    assert json.loads(done.stdout)["type"] == "purchasing.payment.tip_paid.v1"


def test_the_plugin_works_beside_pytest_and_names_how_to_get_the_service(
    environment: Path,
    # First what is there without pytest.
    smoke: dict[str, Any],
    tmp_path: Path,
) -> None:
    uv("pip", "install", "--quiet", "--python", environment, "pytest")
    (tmp_path / "test_us.py").write_text(TESTS)

    done = run([environment / "bin" / "python", "-m", "pytest", "-q", "-p", "no:cacheprovider"], tmp_path)

    assert "2 passed, 1 error" in done.stdout
    assert "pip install purchasing-service" in done.stdout
