"""The README explains every setting of the console, and a wrong one is refused."""

from __future__ import annotations

from pathlib import Path

import pytest
from pydantic import ValidationError

from service.runtime.settings import ConsoleSettings
from tests.console.conftest import settings_for

README = Path(__file__).parents[2] / "README.md"
DATABASE = "postgresql://localhost/x"


def test_every_setting_of_the_console_is_explained() -> None:
    table = "\n".join(line.partition(" | ")[0] for line in README.read_text("utf-8").splitlines() if line[:3] == "| `")
    names = [name.upper() for name in ConsoleSettings.model_fields if name.startswith("console_")]
    assert len(names) > 10
    assert [name for name in names if f"`PURCHASING_{name}`" not in table and f"`_{name}`" not in table] == []


def test_groups_are_read_by_role() -> None:
    given = settings_for(DATABASE, console_roles=" support = a, b ;operator=c;")
    assert given.groups_by_role() == {"support": ("a", "b"), "operator": ("c",)}


@pytest.mark.parametrize("roles", ["boss=a", "support=a;support=b", "support=", "support", "=a"])
def test_ambiguous_roles_are_refused(roles) -> None:
    with pytest.raises(ValidationError):
        settings_for(DATABASE, console_roles=roles)


@pytest.mark.parametrize(
    "given",
    [
        {"console_url": "https://c.example/below"},
        {"console_url": "ftp://c.example"},
        {"console_url": "https://c.example:70000"},
        {"console_url": "https://:80"},
        {"console_time_zone": "Nowhere/None"},
        {"console_oidc_issuer": "c.example"},
        {"console_assertion_jwks_url": "file:///keys"},
        {"console_assertion_header": "X Y"},
        {"console_approval_records": -1},
        {"console_approval_amount": "CNY=1,CNY=2"},
        {"console_approval_amount": "100"},
    ],
)
def test_a_wrong_setting_is_refused(given) -> None:
    with pytest.raises(ValidationError):
        settings_for(DATABASE, **given)
