"""Check whether schemas are compatible: an earlier version (or several, oldest first) and a new one.

Each is a JSON Schema, a directory of `*.schema.json`, a release file, or a type, which stands for its schema in this
package. A writer is assumed to send only the members in its schema, and a reader to ignore others.

  backward  readers of the new version accept messages of the old one
  forward   readers of the old version accept messages of the new one
  full      both; `_transitive`: against every earlier version, not only the last
  promised  what the package's README promises: backward_transitive for events, full_transitive for all others

  purchasing-contracts check my-copy/refund.schema.json purchasing.refund.issue.v1
  purchasing-contracts check 0.1.0.json 0.2.0.json schemas/ --mode full_transitive

Exit code: 0 they are compatible; 1 they are not; 2 a schema can't be read.
"""

import argparse
import json
import sys
from pathlib import Path
from typing import Any

from purchasing_contracts.cli.common import FINE, WRONG, CommandError, add_documented, count, read, type_named
from purchasing_contracts.compatibility.branches import UnreadableSchemaError
from purchasing_contracts.compatibility.verdict import MODES, Broken, Schemas, broken_promises
from purchasing_contracts.shipped import schema_file


def add(commands: Any) -> None:
    """Declare the command."""
    parser = add_documented(commands, "check", "whether two versions of a schema go together", __doc__)
    parser.add_argument("old", nargs="+", metavar="OLD", help="the earlier version, or several, oldest first")
    parser.add_argument("new", metavar="NEW", help="the new version")
    parser.add_argument("--mode", choices=("promised", *MODES), default="promised", help="default: promised")
    parser.add_argument("--json", action="store_true", help="one JSON object a break, the last one the summary")
    parser.set_defaults(run=run)


def run(given: argparse.Namespace) -> int:
    """Compare; return the exit code."""
    try:
        before, new = [(name, schemas_at(name)) for name in given.old], schemas_at(given.new)
        if all(len(schemas) == 1 for schemas in [new, *(old for _, old in before)]):
            # Single schemas are compared to each other, whatever their types.
            (type_,) = new
            before = [(name, {type_: schema}) for name, old in before for schema in old.values()]
        broken = broken_promises(before, new, given.mode)
    except (UnreadableSchemaError, AttributeError, TypeError) as error:
        raise CommandError(f"not a schema that can be compared: {error}") from None
    for one in broken:
        sys.stdout.write(json.dumps(_noted(one), ensure_ascii=False) + "\n" if given.json else f"{one}\n")
    if given.json:
        sys.stdout.write(json.dumps({"verdict": "summary", "mode": given.mode, "breaks": len(broken)}) + "\n")
    else:
        summary = count(len(broken), "break") if broken else "they go together"
        sys.stdout.write(f"{given.mode}: {summary}\n")
    return WRONG if broken else FINE


def schemas_at(name: str) -> Schemas:
    """Return the schemas in a file or a directory, or of a type, by type. Raises `CommandError`."""
    path = Path(name)
    if path.is_dir():
        found = {file.name.removesuffix(".schema.json"): _schema(str(file)) for file in path.glob("*.schema.json")}
        if not found:
            raise CommandError(f"{name} holds no *.schema.json")
        return found
    if not path.exists() and name != "-" and not name.endswith(".json"):
        type_ = type_named(name)
        return {type_: _schema(str(schema_file(type_)))}
    document = _schema(name)
    is_release = bool(document) and all(isinstance(value, dict) and "$schema" in value for value in document.values())
    return document if is_release else {str(document.get("title", name)): document}


def _schema(name: str) -> dict[str, Any]:
    try:
        document = json.loads(read(name), parse_constant=_refuse)
    except (ValueError, RecursionError) as error:
        raise CommandError(f"{name} is not JSON: {error}") from None
    if not isinstance(document, dict):
        raise CommandError(f"{name} is no JSON Schema: it should be an object")
    return document


def _refuse(constant: str) -> None:
    raise ValueError(f"{constant} is no JSON")


def _noted(one: Broken) -> dict[str, str]:
    named = {"type": one.type, "against": one.against, "direction": one.direction}
    return {"verdict": "break", **named, "place": one.found.place, "because": one.found.because}
