"""The alerts as a table that leads to the runbook."""

from __future__ import annotations

from service.operations.alerts import ALERTS

PLACE = "```alerts\n```\n"
"""The place of the table in a document."""


def with_alerts(text: str) -> str:
    """Return a document's text with the table where it belongs."""
    return text.replace(PLACE, _table()) if PLACE in text else text


def _table() -> str:
    rows = [
        f"| [{alert.name}](../../../service/docs/runbook.md#{alert.section}) | {alert.severity} | {alert.words} |"
        for alert in sorted(ALERTS, key=lambda one: one.name)
    ]
    return "\n".join(["| alert | severity | what it says |", "|---|---|---|", *rows, ""])
