"""The rows of a census, summed as `/metrics` shows them."""

from collections.abc import Sequence
from typing import Any

from service.observability.exporter import wait_families


def waits_shown(rows: Sequence[Any], metric: str = "waits", now: float = 0.0) -> dict[str, float]:
    """Return a metric's values by kind of wait, `waits_amount` by `KIND CURRENCY`. `now` is in seconds since 1970."""
    (family,) = [one for one in wait_families(rows, now) if one.name == f"purchasing_{metric}"]
    assert all(sample.labels["from"] for sample in family.samples)
    return {
        " ".join(value for label, value in sample.labels.items() if label != "from"): sample.value
        for sample in family.samples
    }
