"""Run in an environment that has the wheel and nothing of this repository: what a team does first, with its results as
JSON on stdout.
"""

import contextlib
import importlib.metadata
import io
import json
import sys
from datetime import UTC, datetime
from pathlib import Path

from purchasing_contracts.cli import main
from purchasing_contracts.clients import to_aiokafka
from purchasing_contracts.envelope import decode_published
from purchasing_contracts.events.payment import TipPaid
from purchasing_contracts.money import Money
from purchasing_contracts.producing import EventRefusedError, new_event
from purchasing_contracts.shipped import examples, root, types


def said(*arguments: str) -> tuple[int, str]:
    out = io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(out):
        code = main(list(arguments))
    return code, out.getvalue()


paid = TipPaid(tip_id="tip-1", payment_id="pay-2", amount=Money(currency="CNY", value=5000))
event = new_event(paid, order_id="ord-1", source="/us", event_id="evt-1", time=datetime(2026, 3, 2, tzinfo=UTC))
value = to_aiokafka(event)["value"]
Path("good.json").write_bytes(value)
Path("bad.json").write_bytes(value.replace(b"5000", b"50.00"))
try:
    new_event(paid, order_id="", source="/us", event_id="evt-1", time=datetime(2026, 3, 2, tzinfo=UTC))
    refused = ""
except EventRefusedError as error:
    refused = str(error)
_, command = decode_published(examples("purchasing.refund.issue.v1")["whole"].read_bytes())

sys.stdout.write(
    json.dumps(
        {
            "installed": sorted(one.name.lower().replace("-", "_") for one in importlib.metadata.distributions()),
            "root": str(root()),
            "types": len(list(types())),
            "good": said("validate", "good.json"),
            "bad": said("validate", "bad.json"),
            "schema": said("schema", "tip_paid")[0],
            "check": said("check", "tip_paid", "tip_paid"),
            "changes": said("changes", "goods_received", "--since", "0.1.0"),
            "asyncapi": len(said("asyncapi")[1]) > 1000 and said("asyncapi", "--html")[1].startswith("<!doctype"),
            "live": said("validate", "--bootstrap", "localhost:1", "--topic", "purchasing.decisions.v1"),
            "refused": refused,
            "command": [command.TYPE, command.model_dump()["amount"]["value"]],
        }
    )
)
