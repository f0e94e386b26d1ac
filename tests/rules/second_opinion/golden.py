"""The golden cases through the second opinion: `python -m tests.rules.second_opinion.golden DIRECTORY`."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from tests.rules.second_opinion.run import Command, as_dict, decide


def wrong(case: dict[str, Any]) -> list[str]:
    """Differences from the expectations of a case: per command line and per decision, in order; clauses as sets."""
    published, _ = decide(case["events"], until=case["until"])
    found: dict[Any, list[dict[str, Any]]] = {}
    for one in published:
        output = as_dict(one, "ord-1001")
        key = (
            ("command", output["kind"], output["ref"], output["line"])
            if isinstance(one, Command)
            else (output["what"], output["ref"])
        )
        found.setdefault(key, []).append(output)
    expected: dict[Any, list[dict[str, Any]]] = {}
    for one in case["expect"]["commands"]:
        line = one.get("line")
        if one["kind"] == "deduction.execute":
            line = "brokerage" if one["ref"] == "brokerage" else f"chargeback:{one['ref']}"
        expected.setdefault(("command", one["kind"], one.get("ref"), line), []).append(one)
    for one in case["expect"]["decisions"]:
        expected.setdefault((one["what"], one["ref"]), []).append(one)
    wrongs = []
    for key in expected.keys() | found.keys():
        mine, theirs = found.get(key, []), expected.get(key, [])
        if len(mine) != len(theirs):
            wrongs.append(f"{key}: expected {theirs}, found {mine}")
            continue
        for a, b in zip(theirs, mine, strict=True):
            for name, value in ({"amount": None, "due_at": None} | a).items():
                if name == "audience":
                    continue
                other = b.get(name)
                if (set(value) != set(other or ())) if name == "clauses" else value != other:
                    wrongs.append(f"{key} {name}: expected {value}, found {other}")
    return wrongs


def main(directory: str) -> int:
    """Print the differences. The exit status is 0 if there is none."""
    paths = sorted(Path(directory).glob("*.json"))
    differing = {path.stem: found for path in paths if (found := wrong(json.loads(path.read_text())))}
    lines = [f"{name}: {one}" for name, found in differing.items() for one in found]
    lines.append(f"{len(paths) - len(differing)} of {len(paths)} cases pass")
    sys.stdout.write("\n".join(lines) + "\n")
    return 1 if differing else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
