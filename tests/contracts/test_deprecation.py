"""A deprecated part is marked in every place in which a team may look."""

import copy
import json

import pytest
from purchasing_contracts import advice
from purchasing_contracts.compatibility.verdict import compare
from purchasing_contracts.events.payment import TipPaid
from purchasing_contracts.generate.page import page
from purchasing_contracts.schema import schema_of
from purchasing_contracts.shipped import example, root
from purchasing_contracts.versions import Deprecation

ENDING = Deprecation("2027-01-01", "2027-07-01", "purchasing.payment.tip_paid.v2")
DEPRECATED = {TipPaid.TYPE: ENDING}


def test_the_schema_of_a_deprecated_message_has_its_end_and_successor() -> None:
    schema = schema_of(TipPaid, DEPRECATED)

    assert schema["deprecated"] is True
    assert schema["x-deprecated"] == {"since": "2027-01-01", "ends": "2027-07-01", "instead": ENDING.instead}
    assert "deprecated" not in schema_of(TipPaid)


def test_to_mark_a_message_breaks_nobody() -> None:
    found = compare(schema_of(TipPaid), schema_of(TipPaid, DEPRECATED))

    assert (found.backward, found.forward) == ((), ())


def test_checking_a_deprecated_message_warns(monkeypatch: pytest.MonkeyPatch) -> None:
    schema = schema_of(TipPaid, DEPRECATED)
    schema["$defs"]["TipPaid"]["properties"]["tip_id"]["deprecated"] = True
    monkeypatch.setattr(advice, "_schema", lambda type_: schema)

    told = advice.warnings_of(example(TipPaid.TYPE))

    assert [(one.place, one.because) for one in told] == [
        ("/type", "ends on 2027-07-01; write purchasing.payment.tip_paid.v2 instead"),
        ("/data/tip_id", "is deprecated"),
    ]


def test_the_document_and_the_page_show_it(monkeypatch: pytest.MonkeyPatch) -> None:
    from purchasing_contracts.generate import asyncapi

    monkeypatch.setattr(asyncapi, "schema_of", lambda message: schema_of(message, DEPRECATED))
    document = copy.deepcopy(asyncapi.asyncapi())
    document["components"]["schemas"]["TipPaid"]["properties"]["payment_id"]["deprecated"] = True

    message = document["components"]["messages"][TipPaid.TYPE]
    section = page(document).partition(f'<h3 id="{TipPaid.TYPE}">')[2].partition("<h3")[0]

    assert message["tags"] == [{"name": "deprecated"}]
    assert document["components"]["schemas"][TipPaid.TYPE]["deprecated"] is True
    assert "deprecated since 2027-01-01, ends 2027-07-01; use purchasing.payment.tip_paid.v2" in section
    assert '<code>payment_id</code></td><td>string ≤ 128 characters <span class="mark">deprecated</span>' in section


def test_nothing_is_on_its_way_out_now() -> None:
    assert "x-deprecated" not in json.dumps(json.loads((root() / "asyncapi.json").read_text()))
