"""The files that are committed beside the models are those that the generator makes of them."""

import shutil
from pathlib import Path

import pytest
from purchasing_contracts.generate.__main__ import main
from purchasing_contracts.generate.valid import valid_examples

CONTRACTS = Path(__file__).parents[2] / "contracts"


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    for name in ("schemas", "examples"):
        shutil.copytree(CONTRACTS / name, tmp_path / name)
    for name in ("asyncapi.json", "asyncapi.html"):
        shutil.copy(CONTRACTS / name, tmp_path)
    return tmp_path


def test_the_committed_files_are_fresh(capsys: pytest.CaptureFixture[str]) -> None:
    code = main([str(CONTRACTS), "--check"])

    assert code == 0, f"{capsys.readouterr().out}run: python -m purchasing_contracts.generate contracts"


def test_a_stale_missing_or_stray_file_is_reported_and_repaired(copy: Path, capsys: pytest.CaptureFixture[str]) -> None:
    stale = copy / "schemas/purchasing.payment.tip_paid.v1.schema.json"
    missing = copy / "examples/purchasing.payment.tip_paid.v1/valid/whole.json"
    stray = copy / "schemas/purchasing.payment.tip_lost.v1.schema.json"
    stale.write_text(stale.read_text().replace("The tip", "A tip"))
    missing.unlink()
    stray.write_text("{}")

    told = main([str(copy), "--check"])
    said = capsys.readouterr().out.splitlines()
    mended = main([str(copy)])

    assert (told, mended) == (1, 0)
    assert [line.split(" ")[0] for line in said] == [
        path.relative_to(copy).as_posix() for path in (stale, missing, stray)
    ]
    assert main([str(copy), "--check"]) == 0
    assert not stray.exists()


def test_a_release_is_written_beside_earlier_ones_and_never_changed(copy: Path) -> None:
    released = copy / "released/9.8.7.json"

    assert main([str(copy), "--release", "9.8.7"]) == 0
    before = released.read_text()
    assert main([str(copy), "--release", "9.8.7"]) == 0
    released.write_text(before.replace("The tip", "A tip"))
    assert main([str(copy), "--release", "9.8.7"]) == 2
    assert "A tip" in released.read_text()
    assert main([str(copy), "--check"]) == 0


def test_a_type_without_a_sample_is_named_with_the_file_to_add_it_to() -> None:
    with pytest.raises(LookupError, match=r"purchasing.warehouse.unheard_of.v1 has no sample: add one to .*samples.py"):
        valid_examples("purchasing.warehouse.unheard_of.v1")
