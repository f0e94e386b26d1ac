"""`outbox pause|resume|status` and `breaker`, as an operator sees them. What lanes do then is tested with the relay."""

import pytest

from tests.cli.commands import command

PAYMENTS = "purchasing.events.payment.v1"


async def test_pausing_and_resuming_is_seen_in_the_status_and_kept(database, store) -> None:
    before = command(database, "outbox", "status", "--json")
    paused = command(database, "outbox", "pause", "--by", "ann", "--why", "refunds look wrong")
    again = command(database, "outbox", "pause", "--by", "bob", "--why", "so I think")
    status = command(database, "outbox", "status", "--json")
    of_one = command(database, "outbox", "resume", "--lane", "2")
    resumed = command(database, "outbox", "resume", "--by", "ann")
    after = command(database, "outbox", "status", "--json")

    assert (before.code, status.code, after.code) == (0, 3, 0)
    assert (paused.code, again.code, of_one.code, resumed.code) == (0, 0, 1, 0)
    assert (
        before.lines == after.lines == [{"lane": lane, "decided": 0, "published": 0, "waiting": 0} for lane in range(4)]
    )
    assert {(row["paused"]["by"], row["paused"]["why"]) for row in status.lines} == {("ann", "refunds look wrong")}
    assert "paused already" in again.err
    assert "without --lane" in of_one.err
    rows = await store.fetch("select done_by, what, subject, why from operator_actions order by nth")
    assert [tuple(row) for row in rows] == [
        ("ann", "outbox pause", "all lanes", "refunds look wrong"),
        ("ann", "outbox resume", "all lanes", None),
    ]


def test_one_lane_is_paused_by_its_number(database) -> None:
    command(database, "outbox", "pause", "--lane", "2", "--why", "its receiver is being mended")
    status = command(database, "outbox", "status", "--json").lines
    assert [row["lane"] for row in status if "paused" in row] == [2]


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (("outbox", "pause"), 2),
        (("outbox", "pause", "--why", " "), 2),
        (("outbox", "pause", "--lane", "9", "--why", "x"), 1),
        (("outbox", "resume"), 0),
        (("breaker", "list"), 0),
        (("breaker", "reset", PAYMENTS), 0),
        (("breaker", "reset", "purchasing.decisions.v1"), 2),
    ],
)
def test_usage_errors_and_actions_without_effect_have_their_exit_codes(database, arguments, code) -> None:
    done = command(database, *arguments)
    assert (done.code, done.out) == (code, b"")
    assert done.err


async def test_settings_of_the_pauses_are_checked(database) -> None:
    def started(**settings: str) -> str:
        done = command(database, "run", PURCHASING_KAFKA_BOOTSTRAP_SERVERS="127.0.0.1:9", **settings)
        assert done.code == 1
        return done.err

    assert "PURCHASING_REFUND_LIMIT_PER_MINUTE" in started(PURCHASING_REFUND_LIMIT_PER_MINUTE="1000")
    assert "PURCHASING_BREAKER_SHARE" in started(PURCHASING_BREAKER_SHARE="0")
