"""The audit of looks and acts, notes, and private members."""

from __future__ import annotations

import asyncio
import csv
import io
import json

import asyncpg
import pytest
from aiohttp import ClientSession, DummyCookieJar

from tests.console.acting import (
    PATIENT,
    confirm,
    done,
    form_of,
    hidden,
    operation,
    person,
    propose,
)
from tests.console.identity import HEADER
from tests.console.reading import Page, read, read_json
from tests.console.test_acts import bad_records, rows
from tests.console.test_database import as_owner
from tests.console.test_order_page import hear
from tests.orders.stories import Story, paid_order

SECRET = "Warehouse 3, marker-77aa"


pytestmark = pytest.mark.usefixtures("patient")


async def test_allowed_and_denied_looks_and_acts_are_audited(database, engine, acting, provider, ann) -> None:
    """The eighth accident."""
    await hear(engine, paid_order())
    await read(ann, "/orders/ord-1")
    await read(ann, "/clauses")
    await done(ann, "hold", orders="ord-1")
    form = await form_of(ann, "hold")
    async with person(acting, provider, "u-fay", "g-finance") as session:
        await read(session, "/orders/ord-1/letter", 403)
        async with session.post("/acts/hold", data=form | {"orders": "ord-1", "why": "x"}) as answer:
            assert answer.status == 403
        async with session.get("/audit?who=u-fay&allowed=no", headers={"Accept": "application/json"}) as answer:
            denied = (await answer.json())["entries"]
    assert [(one["what"], one["right"], one["allowed"]) for one in denied] == [
        ("act", "acts", False),
        ("look", "letters", False),
    ]
    found = await rows(
        database,
        "select what, allowed, needed, path, known_id, about is not null from console_audit"
        " where subject = 'u-ann' and path !~ 'operations' and path !~ '/acts/' and what = 'look' order by nth",
    )
    assert ("look", True, "orders", "/orders/{order_id}", "ord-1", False) in found
    acts = await rows(
        database, "select path, allowed, about is not null, name from console_audit where what = 'act' and allowed"
    )
    assert acts == [
        ("/acts/{act}", True, True, "U-Ann"),
        ("/proposals/{proposal_id}/confirm", True, True, "U-Ann"),
    ]
    assert "clauses" not in str(await rows(database, "select needed from console_audit"))


async def test_an_act_that_fails_is_audited(database, engine, ann, monkeypatch) -> None:
    async def fails(*_: object) -> None:
        raise ZeroDivisionError

    form = await form_of(ann, "hold") | {"orders": "ord-1", "why": "x"}
    monkeypatch.setattr("service.console.acts.proposal_pages.new_planner", fails)
    async with ann.post("/acts/hold", data=form) as answer:
        assert answer.status == 500
    assert await rows(database, "select path, status from console_audit where what = 'act'") == [("/acts/{act}", 500)]


async def test_an_act_that_takes_too_long_is_audited(database, engine, ann, acting, monkeypatch) -> None:
    async def hangs(*_: object) -> None:
        await asyncio.Event().wait()

    form = await form_of(ann, "hold") | {"orders": "ord-1", "why": "x"}
    monkeypatch.setattr("service.console.acts.proposal_pages.new_planner", hangs)
    monkeypatch.setattr(acting.console, "_bounds", PATIENT._replace(request_seconds=1.0))
    async with ann.post("/acts/hold", data=form) as answer:
        assert answer.status == 503
    assert await rows(database, "select path, status from console_audit where what = 'act'") == [("/acts/{act}", 500)]


async def test_the_audit_is_searched_by_its_address_and_exported(database, engine, ann) -> None:
    await hear(engine, paid_order())
    await hear(engine, paid_order(" =ord-2"))
    await read(ann, "/orders/ord-1")
    await read(ann, "/orders/%20%3Dord-2")
    page = Page(await read(ann, "/audit?id=ord-1&what=look&since=2026-01-01T00:00:00Z"))
    assert "about ord-1" in page.text
    assert "only looks" in page.text
    assert "/search?q=ord-1" in page.links
    assert any(link.startswith("/audit.csv?") and "id=ord-1" in link for link in page.links)
    found = await read_json(ann, "/audit?id=ord-1", Accept="application/json")
    assert [one["path"] for one in found["entries"]] == ["/orders/{order_id}"]
    lines = list(csv.DictReader(io.StringIO(await read(ann, "/audit.csv?what=look&who=ann"))))
    assert {"ord-1", "' =ord-2"} <= {one["known_id"] for one in lines}
    assert (await read_json(ann, "/audit?until=2026-01-01T00:00:00Z", Accept="application/json"))["entries"] == []
    for wrong in ("since=yesterday", "what=x", "about=1", "before=x", "who=%00"):
        await read(ann, f"/audit?{wrong}", 400)


async def test_the_audit_is_shown_page_by_page(ann, monkeypatch) -> None:
    monkeypatch.setattr("service.console.acts.audit_pages.SHOWN", 2)
    for n in range(5):
        await read(ann, f"/search?q=x{n}")
    seen, link = [], "/audit?what=look&who=u-ann"
    while link is not None and len(seen) < 20:
        found = await read_json(ann, link, Accept="application/json")
        seen += [one["nth"] for one in found["entries"] if one["right"] == "search"]
        link = found["next"]
    assert len(seen) == len(set(seen)) == 5
    assert seen == sorted(seen, reverse=True)


async def test_the_export_of_the_audit_has_every_entry_in_pieces(ann, monkeypatch) -> None:
    monkeypatch.setattr("service.console.acts.audit_pages.EXPORTED_AT_ONCE", 2)
    for n in range(5):
        await read(ann, f"/search?q=x{n}")
    lines = list(csv.DictReader(io.StringIO(await read(ann, "/audit.csv?what=look&who=u-ann"))))
    numbers = [int(one["nth"]) for one in lines]
    assert len([one for one in lines if one["right"] == "search"]) == 5
    assert numbers == sorted(set(numbers), reverse=True)


async def test_nobody_may_change_the_audit(database, ann) -> None:
    await read(ann, "/search?q=x")
    async with as_owner(database) as owner:
        for role in ("purchasing_console", "purchasing_operator", "purchasing_reader"):
            await owner.execute(f"set role {role}")
            for statement in ("delete from console_audit", "update console_audit set name = 'x'"):
                with pytest.raises(asyncpg.InsufficientPrivilegeError):
                    await owner.execute(statement)
            await owner.execute("reset role")


async def test_somebody_without_a_name_may_not_act(database, engine, acting, provider, ann) -> None:
    await hear(engine, paid_order())
    form = await form_of(ann, "hold") | {"orders": "ord-1", "why": "x"}
    token = provider.token(sub="u-ann", name=None, groups=["g-operator"])
    async with (
        ClientSession(acting.origin, headers={HEADER: token}, cookie_jar=DummyCookieJar()) as session,
        session.post("/acts/hold", data=form, allow_redirects=False) as answer,
    ):
        assert answer.status == 303
        assert answer.headers["Location"].startswith("/login?next=")
    assert await rows(database, "select count(*) from console_proposals") == [(0,)]


async def test_a_note_with_its_ticket_is_kept_once_and_shown_to_colleagues(engine, acting, provider, ann) -> None:
    await hear(engine, paid_order())
    form = hidden(await read(ann, "/orders/ord-1/notes")) | {"text": "The buyer called.\n<b>", "ticket": "T-17"}
    for _ in range(2):
        async with ann.post("/orders/ord-1/notes", data=form) as answer:
            assert answer.status == 200
    async with person(acting, provider, "u-sue", "g-support") as session:
        notes = (await read_json(session, "/orders/ord-1/notes", Accept="application/json"))["notes"]
        assert [(one["name"], one["ticket"], one["text"]) for one in notes] == [
            ("U-Ann", "T-17", "The buyer called.\n<b>")
        ]
        assert "&lt;b&gt;" in await read(session, "/orders/ord-1/notes")
        empty = hidden(await read(session, "/orders/ord-1/notes")) | {"text": " ", "ticket": ""}
        async with session.post("/orders/ord-1/notes", data=empty) as answer:
            assert answer.status == 422
        await read(session, "/orders/ord-9/notes", 404)
    (bad,) = await bad_records(engine, 1)
    path = f"/quarantine/{bad.topic}/{bad.partition}/{bad.offset}/notes"
    async with ann.post(path, data=hidden(await read(ann, path)) | {"text": "", "ticket": "T-18"}) as answer:
        assert "T-18" in await answer.text()


async def test_private_members_are_shown_for_a_reason_and_that_is_kept(database, engine, acting, provider) -> None:
    await hear(engine, Story().placed(address=SECRET))
    async with person(acting, provider, "u-sue", "g-support") as sue, person(acting, provider, "u-bo") as bo:
        page = await read(sue, "/orders/ord-1/private")
        assert SECRET not in page
        form = hidden(page)
        for lacking in ({"why": "", "ticket": "T-1"}, {"why": "parcel lost", "ticket": ""}):
            async with sue.post("/orders/ord-1/private", data=form | lacking) as answer:
                assert answer.status == 422
                assert SECRET not in await answer.text()
        form |= {"why": "parcel lost", "ticket": "T-1"}
        for _ in range(2):
            async with sue.post("/orders/ord-1/private", data=form) as answer:
                assert SECRET in await answer.text()
        assert "parcel lost" in Page(await read(bo, "/orders/ord-1/private")).text
        assert SECRET not in await read(bo, "/orders/ord-1/private")
        async with as_owner(database) as owner:
            await owner.execute("update console_disclosures set ends_at = now()")
        async with sue.post("/orders/ord-1/private", data=form) as answer:
            assert answer.status == 422
            assert SECRET not in await answer.text()
    kept = await rows(database, "select subject, order_id, why, ticket from console_disclosures")
    assert kept == [("u-sue", "ord-1", "parcel lost", "T-1")]
    seen = await rows(database, "select count(*) from console_audit where needed = 'private' and what = 'act'")
    assert seen == [(5,)]


async def test_the_role_that_shows_private_members_can_read_nothing_else(database, engine) -> None:
    await hear(engine, Story().placed(address=SECRET))
    async with as_owner(database) as owner:
        await owner.execute("set role purchasing_private")
        for table in ("private_members", "facts", "console_disclosures", "quarantine"):
            with pytest.raises(asyncpg.InsufficientPrivilegeError):
                await owner.execute(f"select * from {table}")
        found = await owner.fetch("select * from purchasing_disclose('ord-1', 's', 'n', 'k', 'why', 'T-1', 10)")
        assert SECRET in json.dumps([row["data"] for row in found])
        await owner.execute("set role purchasing_reader")
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await owner.fetch("select * from purchasing_disclose('ord-1', 's', 'n', 'k2', 'why', 'T-1', 10)")


async def test_an_operation_is_audited_under_its_proposal(database, engine, ann) -> None:
    bad = await bad_records(engine, 2)
    names = "\n".join(f"{one.topic}/{one.partition}/{one.offset}" for one in bad)
    proposal = await propose(ann, "drop", records=names)
    await confirm(ann, proposal, step="1")
    await operation(ann, proposal)
    form = hidden(await read(ann, f"/operations/{proposal}")) | {"step": "all"}
    async with ann.post(f"/operations/{proposal}/continue", data=form) as answer:
        assert answer.status == 200
    found = await read_json(ann, f"/audit?about={proposal}", Accept="application/json")
    assert [one["path"] for one in reversed(found["entries"])] == [
        "/acts/{act}",
        "/proposals/{proposal_id}/confirm",
        "/operations/{operation_id}/continue",
    ]
