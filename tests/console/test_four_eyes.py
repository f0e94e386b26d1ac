"""Two people: what one person did alone counts together, and who may be the same person is no second one."""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING
from uuid import uuid4

import asyncpg
import pytest

from service.console.acts.approval import Limits, exceeds
from service.console.acts.models import MoveModel
from service.console.server import running_console
from service.store.operators.proposals import Alone, Who, confirmed_alone, lock_confirmations
from tests.cli.test_quarantine import named
from tests.console.acting import (
    PATIENT,
    confirm,
    form_of,
    hidden,
    operation,
    person,
    propose,
)
from tests.console.conftest import browser, settings_for
from tests.console.reading import Page, read, read_json
from tests.console.test_acts import TERMS, bad_records, rows
from tests.console.test_database import as_owner
from tests.waiting import eventually

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from service.console.server import Running

pytestmark = pytest.mark.usefixtures("patient")
MOVES = [{"currency": "CNY", "amount": 100}, {"currency": "CNY", "amount": 1}, {"currency": None, "amount": None}]
ANN, BO = Who("u-ann", "Ann", "oidc"), Who("u-bo", "Bo", "oidc")


@pytest.fixture
async def running(database, provider) -> AsyncIterator[Running]:
    settings = settings_for(database, **provider.settings(), console_approval_records=3)
    async with running_console(settings, PATIENT) as running:
        yield running


async def test_small_acts_of_one_person_count_together_for_a_day(database, engine, running, provider) -> None:
    bad = [named(one) for one in await bad_records(engine, 9)]
    async with person(running, provider, "u-ann") as ann, person(running, provider, "u-bo") as bo:
        await confirm(ann, await propose(ann, "drop", records="\n".join(bad[:2])))
        second = await propose(ann, "drop", records="\n".join(bad[2:4]))
        page = Page(await read(ann, f"/proposals/{second}")).text
        assert "With what you confirmed alone in the last 24 hours this is more than one person may do" in page
        assert (await read_json(bo, f"/proposals/{second}", Accept="application/json"))["needs_approval"]
        assert "somebody else has to confirm it" in Page(await confirm(ann, second, 403)).text
        await confirm(bo, second)
        # What two people did counts for neither: one record is still ann's, and three are bo's.
        await confirm(ann, await propose(ann, "drop", records=bad[4]))
        await confirm(ann, await propose(ann, "drop", records=bad[5]), 403)
        await confirm(bo, await propose(bo, "drop", records=bad[5]))
        await rows(database, "update console_proposals set confirmed_at = confirmed_at - interval '25 hours'")
        last = await propose(ann, "drop", records="\n".join(bad[6:9]))
        await confirm(ann, last)
        assert [one["outcome"] for one in (await operation(ann, last))["items"]] == ["done"] * 3


async def test_two_small_acts_confirmed_at_once_are_not_both_done_alone(database, engine, running, provider) -> None:
    bad = [named(one) for one in await bad_records(engine, 2)]
    async with person(running, provider, "u-ann") as ann, as_owner(database) as owner:
        proposal = await propose(ann, "drop", records="\n".join(bad))
        form = hidden(await read(ann, f"/proposals/{proposal}"))
        async with owner.transaction():
            # As the other confirmation does, which has not been committed yet.
            await lock_confirmations(owner)
            second = asyncio.create_task(ann.post(f"/proposals/{proposal}/confirm", data=form))

            async def waits() -> bool:
                query = "select count(*) from pg_locks where locktype = 'advisory' and not granted"
                return second.done() or await owner.fetchval(query) == 1

            await eventually(waits, "the second confirmation waits for the first one")
            await confirmed(owner, "u-ann", "assertion", "u-ann", "assertion", items=2)
        assert (await second).status == 403


async def confirmed(
    owner: asyncpg.Connection,
    asked: str,
    way: str | None,
    by: str,
    its_way: str | None,
    hours: int = 0,
    act: str = "drop",
    items: int = 1,
) -> None:
    """Store a proposal that was confirmed so many hours ago, by whom and how they had signed in."""
    made = uuid4()
    await owner.execute(
        "insert into console_proposals (id, key, act, requested_by, requested_name, requested_way, why, given, preview,"
        " needs_approval, ends_at, confirmed_by, confirmed_name, confirmed_way, confirmed_at)"
        " values ($1, $2, $3, $4, $4, $5, 'x', '{}', $6, false, now(), $7, $7, $8, now() - make_interval(hours => $9))",
        *(made, str(made), act, asked, way, json.dumps({"moves": MOVES}), by, its_way, hours),
    )
    query = "insert into console_items select $1, nth, 'x', '{}' from generate_series(1, $2::integer) as nth"
    await owner.execute(query, made, items)


@pytest.mark.parametrize(
    ("act", "items", "amount", "before", "exceeded"),
    [
        ("drop", 3, 0, Alone(0, {}), False),
        ("drop", 3, 0, Alone(1, {}), True),
        ("resume", 1, 100, Alone(9, {}), False),
        ("resume", 1, 101, Alone(0, {}), True),
        ("replay", 1, 60, Alone(0, {"CNY": 40}), False),
        ("replay", 1, 60, Alone(0, {"CNY": 41}), True),
        ("replay", 1, 60, Alone(0, {"EUR": 41}), False),
        ("replay", 1, 0, Alone(0, {"CNY": 400}), False),
    ],
)
def test_records_and_money_of_each_currency_are_limited_together(act, items, amount, before, exceeded) -> None:
    moves = [MoveModel(type="t", currency="CNY", line="purchase", commands=1, amount=amount)]
    assert exceeds(act, items, moves, before, Limits(3, {"CNY": 100})) is exceeded


@pytest.mark.parametrize(
    ("one", "other", "certain"),
    [
        (ANN, BO, True),
        (ANN, ANN._replace(name="Anna"), False),
        (ANN, Who("local", "local user", "link"), False),
        (Who("local", "local user", "link"), ANN, False),
        (ANN, Who("ann", "Ann", "assertion"), False),
        # Of a proposal that an older console stored.
        (ANN, BO._replace(way=None), True),
        (Who("local", "local user", "link"), BO._replace(way=None), False),
    ],
)
def test_two_people_are_two_subjects_of_one_way_of_signing_in(one, other, certain) -> None:
    assert one.is_certainly_not(other) is certain


async def test_acts_confirmed_alone_count_for_everyone_who_may_be_the_person(database) -> None:
    async with as_owner(database) as owner:
        await confirmed(owner, "u-ann", "oidc", "u-ann", "oidc", 1, "replay")
        await confirmed(owner, "u-ann", "oidc", "u-ann", "oidc", 25, "replay")
        await confirmed(owner, "u-ann", "oidc", "u-ann", "oidc", 1, "hold")
        await confirmed(owner, "u-ann", "oidc", "u-bo", "oidc", 1, "drop")
        await confirmed(owner, "u-ann", "oidc", "local", "link", 1, "drop")
        await confirmed(owner, "u-cy", None, "u-cy", None, 1, "resume")
        await owner.execute("set role purchasing_reader")
        found = {
            who.subject: await confirmed_alone(owner, who)
            for who in (ANN, BO, Who("u-cy", "Cy", "oidc"), Who("local", "local user", "link"))
        }
    assert {name: (one.records, one.amounts.get("CNY", 0)) for name, one in found.items()} == {
        "u-ann": (2, 202),
        "u-bo": (1, 101),  # by the link: it may have been bo
        "u-cy": (1, 202),
        "local": (2, 202),
    }


async def test_a_person_who_came_by_a_link_is_no_second_person(database, running, provider) -> None:
    """One person can open the console's link and sign in at the identity provider, too."""
    async with person(running, provider, "u-ann") as ann, browser(running) as local:
        for asks, confirms in ((ann, local), (local, ann)):
            proposal = await propose(asks, "terms_import", name="t.toml", text=TERMS)
            page = Page(await read(confirms, f"/proposals/{proposal}")).text
            assert "You may be who asked for this" in page
            await form_of(confirms, "hold")
            assert "You may be who asked for this" in Page(await confirm(confirms, proposal, 403)).text
    assert await rows(database, "select count(*) from terms") == [(0,)]
    query = (
        "update console_proposals set confirmed_by = 'x', confirmed_name = 'X', confirmed_at = now(), confirmed_way = "
    )
    async with as_owner(database) as owner:
        for way in ("'link'", "'oidc'"):
            with pytest.raises(asyncpg.CheckViolationError, match="console_proposals_two_sign_ins"):
                await owner.execute(query + way)
