"""The public names of the contracts and their signatures are pinned: other teams build on them."""

import re
from pathlib import Path

import purchasing_contracts

from tests.contracts.public_api import MODULES, all_modules, lines

PINNED = Path(__file__).with_name("public_api.txt")
README = (Path(__file__).parents[2] / "contracts" / "README.md").read_text()


def test_the_public_api_is_the_pinned_one() -> None:
    said = "".join(f"{line}\n" for line in lines())

    assert said == PINNED.read_text(), (
        "if that is meant, and allowed by the version policy: python -m tests.contracts.public_api > "
        f"tests/contracts/{PINNED.name}"
    )


def test_the_readme_names_exactly_the_public_modules() -> None:
    table = README.partition("## Modules")[2].partition("## Versions")[0]
    named = {
        name
        for cell in re.findall(r"^\| (`.*?) \|", table, re.MULTILINE)
        for pattern in re.findall(r"`([a-z_.*]+)`", cell)
        for name in MODULES
        if name == pattern or (pattern.endswith(".*") and name.startswith(pattern[:-1]))
    }

    assert named == set(MODULES)
    assert set(MODULES) <= all_modules()


def test_the_package_is_typed() -> None:
    assert (Path(purchasing_contracts.__file__).parent / "py.typed").exists()
