"""What contracts/README.md shows works as it stands there."""

import re
from pathlib import Path
from typing import Any

from purchasing_contracts.envelope import Event, decode

from tests.contracts.wire import PUBLISHED, event, text

README = Path(__file__).parents[2] / "contracts" / "README.md"


def test_the_examples_of_the_readme_work() -> None:
    writing, reading = re.findall(r"```python\n(.*?)```", README.read_text(), re.DOTALL)
    names: dict[str, Any] = {}

    exec(writing, names)
    heard = decode(names["topic"], names["key"], names["value"], names["headers"])
    refund = "purchasing.refund.issue.v1"
    names["value"] = text(event(refund))
    exec(reading, names)

    assert isinstance(heard, Event)
    assert heard == names["event"]
    assert names["command"].line == PUBLISHED[refund].required["line"]
