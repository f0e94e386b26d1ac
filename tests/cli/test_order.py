"""`order` as an operator uses it: an order held, and one whose rules failed, end with the right money."""

from collections import Counter

import asyncpg
import pytest
from purchasing_contracts.base import text_of

from service.cli.unknown_order import report_unknown
from service.observability.database_figures import census
from service.rules.clauses import clause_06
from service.rules.facts import instant
from service.rules.waits import WAIT_KINDS
from service.store.lanes import lane_of
from service.store.substitute_clock import EVENTS, pass_time, set_clock
from tests.broker import LANES
from tests.cli.commands import command, outputs
from tests.observability.waits_shown import waits_shown
from tests.orders.conftest import engine_on
from tests.orders.stories import Story, dissolved, paid_order, record


def bought(order_id: str) -> Story:
    return paid_order(order_id).bought(goods=90_000)


@pytest.fixture
def bug(monkeypatch):
    """A bug in clause 6 that one order runs into. The commands, in processes of their own, have it mended."""
    right = clause_06._line_grounds

    def grounds(case):
        if case.view.order_id == "ord-bad":
            raise ZeroDivisionError("its address is private")
        return right(case)

    monkeypatch.setattr(clause_06, "_line_grounds", grounds)


async def test_a_bug_in_a_clause_stops_one_order_until_a_fixed_version_comes(database, engine, store, bug) -> None:
    handled = await engine.handle([*bought("ord-good"), *bought("ord-bad"), *bought("ord-fine")])
    later = await engine.handle([bought("ord-bad").cost(500).last])
    listed = command(database, "order", "list", "--json")
    before = await outputs(store, "ord-bad")
    retried = command(database, "order", "retry", "ord-bad", "--by", "ann", "--why", "clause 6 is mended")

    assert [one.order_id for one in (*handled.stuck, *later.stuck)] == ["ord-bad", "ord-bad"]
    assert listed.lines == [{"order_id": "ord-bad", "held_at": None, "stuck": "ZeroDivisionError"}]
    assert before == []
    assert (retried.code, retried.out) == (0, b""), retried.err
    assert await outputs(store, "ord-bad") == ["agreement effective", "purchase 10010"]
    assert await outputs(store, "ord-good") == await outputs(store, "ord-fine") == await outputs(store, "ord-bad")
    assert command(database, "order", "list", "--json").lines == []
    assert await noted(store) == [("ann", "order retry", "ord-bad", "done", "clause 6 is mended")]


async def test_all_stuck_orders_are_retried_at_once_and_what_is_stuck_still_is_exit_code_3(
    database, engine, store
) -> None:
    await engine.handle([*bought("ord-1"), *bought("ord-2")])
    await store.fetch("update orders set stuck = 'ZeroDivisionError'")
    # One of them has a fact that no version can read.
    await store.fetch("""update facts set data = '{"of": "no use"}' where order_id = 'ord-2'""")
    done = command(database, "order", "retry", "--all")

    assert done.code == 3
    assert "1 of 2: ord-1 done" in done.err
    assert "2 of 2: ord-2 stuck: JournalError" in done.err
    assert [row["order_id"] for row in command(database, "order", "list", "--json").lines] == ["ord-2"]


async def test_a_held_order_publishes_nothing_until_it_is_released_and_then_all(database, engine, store) -> None:
    told = dissolved().inbound_records
    await engine.handle(told[:3])
    held = command(database, "order", "hold", "ord-1", "--why", "the buyer's bank asked", "--by", "ann")
    while_held = await engine_on(store).handle(told[3:])
    listed = command(database, "order", "list", "--json")
    retried = command(database, "order", "retry", "ord-1")
    released = command(database, "order", "release", "ord-1", "--by", "bob")
    again = command(database, "order", "release", "ord-1")
    straight = paid_order("ord-2").bought(goods=90_000, at=3_000_000).asks_to_cancel("can-2")
    await engine.handle([*straight.seller_cancels("can-2", penalty=5_000).cost(700, "cost-2")])

    assert (held.code, retried.code, released.code, again.code) == (0, 1, 0, 0), released.err
    assert (while_held.facts, while_held.outputs) == (len(told) - 3, ())
    assert [(row["order_id"], row["held_at"] is not None) for row in listed.lines] == [("ord-1", True)]
    assert "The order is halted" in retried.err
    assert "is not halted" in again.err
    commands = [[one for one in await outputs(store, order) if one[-1].isdigit()] for order in ("ord-1", "ord-2")]
    assert commands[0] == commands[1] != []
    assert await noted(store) == [
        ("ann", "order hold", "ord-1", "done", "the buyer's bank asked"),
        ("bob", "order release", "ord-1", "done", None),
    ]


async def test_waits_are_listed_by_kind_and_party_and_match_the_census(database, engine, store) -> None:
    answered = bought("ord-answered").asks_to_cancel("can-1")
    await engine.handle([*bought("ord-asked").asks_to_cancel("can-1"), *answered])
    await engine.handle([answered.seller_cancels("can-1").last])
    await engine.handle([*Story("ord-unplaced").accepted().cost(300)])
    await engine.handle([*Story("ord-short").placed().accepted()])

    def waiting(*filters):
        found = command(database, "order", "waiting", *filters, "--json")
        assert found.err == f"Waits: {len(found.lines)}.\n"
        return [(row["order_id"], row["what"], row["ref"], row["row"], row["from"]) for row in found.lines]

    everything = command(database, "order", "waiting", "--json").lines
    connection = await asyncpg.connect(database)
    counted = await census(connection)
    await connection.close()

    assert waiting("--what", "sellers_answer") == [("ord-asked", "sellers_answer", "can-1", 6, "seller")]
    assert waiting("--what", "placed") == [("ord-unplaced", "placed", "", None, "platform")]
    assert {row[1] for row in waiting("--from", "seller")} == {"sellers_answer", "sellers_money"}
    assert waiting("--what", "sellers_answer", "--from", "buyer") == waiting("--overdue") == []
    (rest,) = [row for row in everything if row["order_id"] == "ord-short"]
    assert rest | {"since": ""} == {
        "order_id": "ord-short", "row": 2, "what": "rest_of_order_amount", "ref": "", "from": "buyer", "since": "",
        "until": None, "overdue": False, "amount": {"currency": "CNY", "value": 101_301},
    }  # fmt: skip
    # The oldest first.
    assert [row["since"] for row in everything] == sorted(row["since"] for row in everything)
    number = Counter(row["what"] for row in everything)
    assert waits_shown(counted) == {what: number[what] for what in WAIT_KINDS}
    oldest = {row["what"]: row["since"] for row in reversed(everything)}
    since = {what: min(row["since"] for row in counted if row["what"] == what) for what in number}
    assert {what: text_of(instant(at)) for what, at in since.items()} == oldest


async def test_a_period_is_printed_with_the_money_and_whether_it_has_passed(database, engine) -> None:
    await set_clock(database, EVENTS)
    story = paid_order("ord-1").bought(goods=101_200).charged_back()
    await engine.handle(story.inbound_records)
    before = command(database, "order", "waiting", "--what", "payment_of_claim").out.decode()
    connection = await asyncpg.connect(database)
    await pass_time(connection, story.last.decoded.time.replace(year=2027))
    await connection.close()
    overdue = command(database, "order", "waiting", "--overdue").out.decode()

    assert before.startswith("ord-1  payment_of_claim cb-1 from buyer, ¥1,013.01, since 2026-")
    assert ", until 2026-03-0" in before
    (line,) = [line for line in overdue.splitlines() if "payment_of_claim" in line]
    assert ", overdue since 2026-03-0" in line


@pytest.mark.parametrize("what", [("hold", "--why", "x"), ("release",), ("retry",)], ids=lambda what: what[0])
def test_an_unknown_order_is_exit_code_1(database, what) -> None:
    done = command(database, "order", what[0], "ord-nowhere", *what[1:])
    assert (done.code, done.err) == (1, "No message about order ord-nowhere was received.\n")


def test_a_hold_needs_a_reason(database) -> None:
    assert command(database, "order", "hold", "ord-1").code == 2


async def noted(store):
    rows = await store.fetch("select done_by, what, subject, outcome, why from operator_actions order by nth")
    return [tuple(row) for row in rows]


@pytest.mark.parametrize("what", [("explain",), ("order", "release"), ("what-if", "--order")], ids=" ".join)
async def test_an_unknown_order_names_its_quarantined_records(database, engine, what) -> None:
    bad = record(b"{", key=b"ord-garbled")
    await engine.handle([bad])
    done = command(database, *what, "ord-garbled")
    place = f"{bad.topic}/{bad.partition}/{bad.offset}"

    assert done.code == 1
    assert done.err.splitlines()[-2:] == [
        "No message about order ord-garbled was received.",
        f"Quarantined records may be about it; see `quarantine show RECORD`: {place} (not_json).",
    ]


async def test_an_unknown_order_of_another_cell_is_named_with_its_lane(database, capsys) -> None:
    connection = await asyncpg.connect(database)
    await connection.execute("delete from lanes where lane > 1")
    orders = {lane_of(one, LANES): one for one in (f"ord-{n}" for n in range(20))}
    for lane in (0, 3):
        await report_unknown(connection, orders[lane])
    await connection.close()

    assert [line for line in capsys.readouterr().err.splitlines() if "lane" in line] == [
        "It is in lane 3, which another cell has: ask there."
    ]
