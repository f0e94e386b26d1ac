"""Scenarios for the alerts: series as promtool writes them, and the alerts that fire at an instant.

Values: `0x40` is 0 and 40 more of it, `0+60x40` grows by 60 a step; a step is 15 seconds.
"""

from dataclasses import dataclass

LAG_S, LAG = "purchasing_consumer_lag_seconds", "purchasing_consumer_lag_messages"
LOST = "purchasing_consumer_offset_lost"
COMMITTED, HELD = "purchasing_consumer_committed_offset", "purchasing_topic_held_back_offsets"
UNPUBLISHED, OLDEST = "purchasing_outbox_unpublished_outputs", "purchasing_outbox_oldest_unpublished_seconds"
PUBLISHED, PAUSED_LANE = "purchasing_relay_published_outputs_total", "purchasing_outbox_paused"
WATERMARK, UNKNOWN = "purchasing_watermark_age_seconds", "purchasing_input_unknown_partitions"
BREAKER, STUCK = "purchasing_circuit_breaker_open", "purchasing_orders_stuck"
WAITING, DUE = "purchasing_waits_oldest_seconds", "purchasing_deadlines_overdue_seconds"
MEMBERS, BUILD = "purchasing_consumer_group_members", "purchasing_build_info"
QUARANTINED, FORGOTTEN = "purchasing_quarantine_records_total", "purchasing_quarantine_oldest_open_seconds"
REBALANCES, RETENTION = "purchasing_consumer_rebalances_total", "purchasing_topic_retention_seconds"
RESTARTS = "purchasing_process_restarts_total"
READY, CENSUS = "purchasing_ready", "purchasing_census_timestamp_seconds"
LOOK, AGE = "purchasing_look_successful", "purchasing_look_age_seconds"
SKEW, STATE = "purchasing_database_clock_skew_seconds", "purchasing_relay_lane_state"
VERSION = 'version="1",python="3"'
P0 = 'topic="t",partition="0"'


@dataclass(frozen=True)
class Scenario:
    """An alert at a minute: it fires with these labels beside its own, or (None) must not, though it is close to it."""

    alert: str
    why: str
    minute: int
    fires: dict[str, str] | None
    series: dict[str, str]


def on(name: str, labels: str = "", instance: str = "a") -> str:
    """A series of one worker."""
    return f'{name}{{instance="{instance}"{"," if labels else ""}{labels}}}'


def workers(count: int) -> dict[str, str]:
    """So many workers are there."""
    return {on(BUILD, VERSION, instance=chr(ord("a") + n)): "1x400" for n in range(count)}


def fires(alert: str, why: str, series: dict[str, str], minute: int = 20, **labels: str) -> Scenario:
    return Scenario(f"Purchasing{alert}", why, minute, labels, series)


def quiet(alert: str, why: str, series: dict[str, str], minute: int = 20) -> Scenario:
    return Scenario(f"Purchasing{alert}", why, minute, None, series)


def waits(what: str, of: str) -> str:
    """The labels of one kind of wait."""
    return f'what="{what}",from="{of}"'


def waits_long(why: str, what: str, of: str, seconds: int) -> Scenario:
    """The oldest wait of a kind stands for so long, and that is an alert."""
    labels = {"what": what, "from": of}
    return Scenario("PurchasingOrdersWaiting", why, 20, labels, {on(WAITING, waits(what, of)): f"{seconds}x100"})


LANE = 'lane="1"'
STOPPED = f'{LANE},state="stopped"'
PERSON, LIMIT = f'{LANE},by="person"', f'{LANE},by="limit"'
OPEN_BREAKER = {on(BREAKER, 'topic="t"'): "1x400"}
AWAY = {on(LOOK, 'at="broker"'): "0x400", on(LOOK, 'at="database"'): "1x400"}
TRIES_AGAIN = "1 1 0 1 1 1 0 1 1x3 0 1x4 0 1x80"
MONEY = [
    fires("MoneyLate", "a message waits for minutes", {on(LAG_S, P0): "0+15x100"}),
    fires("MoneyLate", "an output waits for minutes", {on(OLDEST, LANE): "0+15x100"}),
    quiet("MoneyLate", "a backlog of seconds", {on(LAG_S, P0): "45x100", on(OLDEST, LANE): "45x100"}),
    quiet("MoneyLate", "one slow look", {on(LAG_S, P0): "0x76 90 90 0x30"}),
    quiet("MoneyLate", "a person paused it", {on(OLDEST, LANE): "0+15x100", on(PAUSED_LANE, PERSON): "1x100"}),
    quiet("MoneyLate", "its lane stopped", {on(OLDEST, LANE): "0+15x100", on(STATE, STOPPED): TRIES_AGAIN}),
    fires("MoneyLate", "another lane stopped", {on(OLDEST, 'lane="2"'): "0+15x100", on(STATE, STOPPED): "1x100"}),
    quiet("MoneyLate", "its topic's circuit breaker is open", {on(LAG_S, P0): "0+15x100"} | OPEN_BREAKER),
    fires(
        "MoneyLate",
        "another's circuit breaker is open",
        {on(LAG_S, 'topic="u",partition="0"'): "0+15x100"} | OPEN_BREAKER,
    ),
    quiet("MoneyLate", "a server is away", {on(LAG_S, P0): "0+15x100"} | AWAY),
    quiet(
        "MoneyLate", "one worker sees nothing new", {on(LAG_S, P0): "0x70 15+15x5 stale", on(LAG_S, P0, "b"): "0x100"}
    ),
    fires("LaneStopped", "a lane stopped", {on(STATE, STOPPED): "1x100"}, lane="1"),
    fires("LaneStopped", "it tries again now and then", {on(STATE, STOPPED): TRIES_AGAIN}, 4, lane="1"),
    quiet("LaneStopped", "a lane stopped for a moment", {on(STATE, STOPPED): "0x70 1x2 0x60"}, 19),
    fires("OutboxStuck", "nobody owns the lane", {on(UNPUBLISHED, LANE): "5x100"}, lane="1"),
    fires(
        "OutboxStuck",
        "its owner gets nowhere",
        {on(UNPUBLISHED, LANE): "5x100", on(PUBLISHED, LANE): "9x100"},
        lane="1",
    ),
    quiet("OutboxStuck", "much to publish", {on(UNPUBLISHED, LANE): "500x100", on(PUBLISHED, LANE): "0+9x100"}),
    quiet("OutboxStuck", "nothing to publish", {on(UNPUBLISHED, LANE): "0x100", on(PUBLISHED, LANE): "9x100"}),
    quiet("OutboxStuck", "a person paused it", {on(UNPUBLISHED, LANE): "5x100", on(PAUSED_LANE, PERSON): "1x100"}),
    quiet("OutboxStuck", "it stopped", {on(UNPUBLISHED, LANE): "5x100", on(STATE, STOPPED): TRIES_AGAIN}),
    quiet("OutboxStuck", "the broker is away", {on(UNPUBLISHED, LANE): "5x100"} | AWAY),
    fires("RefundLimitReached", "the limit", {on(PAUSED_LANE, LIMIT): "1x100", on(PAUSED_LANE, PERSON): "0x100"}),
    quiet(
        "RefundLimitReached", "a person paused it", {on(PAUSED_LANE, LIMIT): "0x100", on(PAUSED_LANE, PERSON): "1x100"}
    ),
    fires("OutboxPaused", "and forgotten", {on(PAUSED_LANE, PERSON): "1x400"}, 70),
    quiet("OutboxPaused", "while people look, twice", {on(PAUSED_LANE, PERSON): "1x200 0x4 1x200"}, 70),
    fires("OrderStuck", "the rules raise", {on(STUCK): "1x100", on(STUCK, instance="b"): "1x100"}),
    quiet("OrderStuck", "they raised, and a new version mended it", {on(STUCK): "0x60 1x12 0x60"}),
    quiet("OrderStuck", "many are another alert", {on(STUCK): "10x100"}),
    fires("ManyOrdersStuck", "a clause broke", {on(STUCK): "10x100"}),
    quiet("ManyOrdersStuck", "some orders", {on(STUCK): "9x100"}),
    fires("DeadlinesOverdue", "one that does not fire", {on(DUE): "0+15x200", on(WATERMARK): "3x200"}, 40),
    quiet("DeadlinesOverdue", "they fire late after an outage", {on(DUE): "0x40 0+15x40 0x60"}, 25),
    quiet("DeadlinesOverdue", "a circuit breaker is open", {on(DUE): "0+15x200"} | OPEN_BREAKER, 40),
    quiet("DeadlinesOverdue", "they wait for the input", {on(DUE): "0+15x200", on(WATERMARK): "0+15x200"}, 40),
    quiet("DeadlinesOverdue", "a server is away", {on(DUE): "0+15x200"} | AWAY, 40),
    fires("CensusOld", "it fails", {on(CENSUS): "0x400", on(CENSUS, instance="b"): "0+15x20 300x400"}, 50),
    quiet("CensusOld", "one of them counts", {on(CENSUS): "0x400", on(CENSUS, instance="b"): "0+15x400"}, 50),
    quiet("CensusOld", "the database is away", {on(CENSUS): "0x400"} | {on(LOOK, 'at="database"'): "0x400"}, 50),
    waits_long("never placed", "placed", "platform", 90_000),
    waits_long("nobody says how to deliver a refund", "undeliverable", "staff", 90_000),
    waits_long("nobody converts an amount", "conversion", "staff", 90_000),
    waits_long("the payment system says nothing", "refund_answer", "payment system", 300_000),
    waits_long("no answer", "sellers_answer", "seller", 700_000),
    quiet("OrdersWaiting", "refunds take a day", {on(WAITING, waits("refund_answer", "payment system")): "90000x100"}),
    quiet("OrdersWaiting", "a seller thinks it over", {on(WAITING, waits("sellers_answer", "seller")): "90000x100"}),
    quiet("OrdersWaiting", "a buyer is slow to pay", {on(WAITING, waits("payment_of_claim", "buyer")): "9000000x100"}),
]
ONE_READS = {on(MEMBERS): "1x100"}
OLD = on(AGE, 'at="database"')
INPUT = [
    fires("NoConsumer", "no worker shows anything", {"up": "0x100"}),
    fires("NoConsumer", "workers are there, in no group", {on(BUILD, VERSION): "1x100", on(MEMBERS): "0x100"}),
    quiet("NoConsumer", "one reads", {on(BUILD, VERSION): "1x100", on(MEMBERS): "1x100"}),
    quiet(
        "NoConsumer",
        "a rolling update",
        {on(BUILD, VERSION): "1x40 stale _x4 1x60", on(MEMBERS): "2x40 stale _x4 2x60"},
        12,
    ),
    quiet("NoConsumer", "they wait for the database", {on(BUILD, VERSION): "1x100", on(MEMBERS): "0x100"} | AWAY),
    fires("WorkersNotReady", "all of them", {on(READY): "0x100", on(READY, instance="b"): "0x100"} | ONE_READS),
    quiet("WorkersNotReady", "one is", {on(READY): "0x100", on(READY, instance="b"): "1x100"} | ONE_READS),
    quiet("WorkersNotReady", "a rolling update", {on(READY): "1x60 0x6 1x60"} | ONE_READS, 16),
    quiet("WorkersNotReady", "a circuit breaker is open", {on(READY): "0x100"} | ONE_READS | OPEN_BREAKER),
    quiet("WorkersNotReady", "a server is away", {on(READY): "0x100"} | ONE_READS | AWAY),
    quiet("WorkersNotReady", "nobody reads", {on(READY): "0x100", on(MEMBERS): "0x100"}),
    fires("WorkerNotReady", "one of two", {on(READY): "0x100", on(READY, instance="b"): "1x100"}, instance="a"),
    quiet("WorkerNotReady", "it starts", {on(READY): "1x60 0x20 1x60", on(READY, instance="b"): "1x100"}),
    quiet("WorkerNotReady", "none is", {on(READY): "0x100", on(READY, instance="b"): "0x100"}),
    fires("ProcessDies", "a fault at every start", {on(RESTARTS, 'process="2"'): "0+1x100"}, process="2"),
    quiet("ProcessDies", "killed once for memory", {on(RESTARTS, 'process="2"'): "0x40 1x60"}),
    quiet("ProcessDies", "each of three, once", {on(RESTARTS, f'process="{n}"'): "0x40 1x60" for n in range(1, 4)}),
    fires(
        "PartitionStalled",
        "one does not move",
        {on(LAG, P0): "3x100", on(COMMITTED, P0): "7x100"},
        topic="t",
        partition="0",
    ),
    fires(
        "PartitionStalled",
        "a transaction hangs",
        {on(HELD, P0): "3x100", on(COMMITTED, P0): "7x100"},
        topic="t",
        partition="0",
    ),
    quiet("PartitionStalled", "a backlog is worked off", {on(LAG, P0): "900-1x100", on(COMMITTED, P0): "7+1x100"}),
    quiet(
        "PartitionStalled", "an idle topic", {on(LAG, P0): "0x100", on(HELD, P0): "0x100", on(COMMITTED, P0): "7x100"}
    ),
    fires("PartitionStalled", "the group never read it", {on(LAG, P0): "3x100"}, topic="t", partition="0"),
    quiet(
        "PartitionStalled",
        "its circuit breaker is open",
        {on(LAG, P0): "3x100", on(COMMITTED, P0): "7x100"} | OPEN_BREAKER,
    ),
    quiet("PartitionStalled", "a server is away", {on(LAG, P0): "3x100", on(COMMITTED, P0): "7x100"} | AWAY),
    fires("OffsetLost", "while workers start and end", {on(LOST, P0): "_x60 1 _x9 1 _x30"}, topic="t", partition="0"),
    quiet(
        "OffsetLost", "a leader has just taken over", {on(LOST, P0): "0x60 1 0x40", on(LOST, P0, "b"): "0x60 1 0x40"}
    ),
    fires("LagGrowing", "more comes than goes", {on(LAG, P0): "0+100x200"}, 45),
    quiet("LagGrowing", "a backlog is worked off", {on(LAG, P0): "90000-100x200"}, 45),
    quiet(
        "LagGrowing", "two workers see the same little lag", {on(LAG, P0): "0+20x200", on(LAG, P0, "b"): "0+20x200"}, 45
    ),
    quiet("LagGrowing", "a circuit breaker is open", {on(LAG, P0): "0+100x200"} | OPEN_BREAKER, 45),
    fires("WatermarkBehind", "not read up to now", {on(WATERMARK): "0+15x100", on(LAG_S, P0): "0x100"}),
    fires("WatermarkBehind", "a partition nobody reads", {on(UNKNOWN): "1x100"}),
    quiet("WatermarkBehind", "looks are seconds apart", {on(WATERMARK): "4x100", on(UNKNOWN): "0x100"}),
    quiet("WatermarkBehind", "partitions were added", {on(UNKNOWN): "0x40 6x4 0x60"}, 12),
    quiet("WatermarkBehind", "a circuit breaker is open", {on(WATERMARK): "0+15x100"} | OPEN_BREAKER),
    quiet("WatermarkBehind", "messages wait", {on(WATERMARK): "0+15x100", on(LAG_S, P0): "0+15x100"}),
    quiet("WatermarkBehind", "a server is away", {on(WATERMARK): "0+15x100"} | AWAY),
    fires("CircuitBreakerOpen", "open", OPEN_BREAKER, topic="t"),
    quiet(
        "CircuitBreakerOpen",
        "less than its share is bad, and it was reset",
        {on(BREAKER, 'topic="t"'): "1x60 0x60", on(QUARANTINED, 'reason="schema"'): "0+9x100"},
    ),
    fires("QuarantineGrowing", "a bad deploy elsewhere", {on(QUARANTINED, 'reason="schema"'): "0+1x100"}),
    quiet(
        "QuarantineGrowing",
        "the circuit breaker says so",
        {on(QUARANTINED, 'reason="schema"'): "0+9x100"} | OPEN_BREAKER,
    ),
    quiet("QuarantineGrowing", "one now and then", {on(QUARANTINED, 'reason="schema"'): "0x40 1x20 2x40"}),
    quiet("QuarantineGrowing", "a worker starts anew", {on(QUARANTINED, 'reason="schema"'): "900x40 0x60"}),
    fires("QuarantineForgotten", "four days", {on(FORGOTTEN): "345600x100"}),
    quiet("QuarantineForgotten", "since yesterday", {on(FORGOTTEN): "86400x100"}),
    fires(
        "RebalanceStorm",
        "every half minute",
        {on(REBALANCES, 'group="input"'): "0+0.5x200"} | workers(2),
        40,
        group="input",
    ),
    quiet(
        "RebalanceStorm", "six are updated", {on(REBALANCES, 'group="input"'): "1x20 2+1x12 14x200"} | workers(6), 17
    ),
    quiet(
        "RebalanceStorm",
        "six are updated, and back again",
        {on(REBALANCES, 'group="input"'): "1x20 2+1x24 26x200"} | workers(6),
        17,
    ),
    fires(
        "RetentionInDanger",
        "half of it is gone",
        {on(LAG_S, P0): "50x100", on(LAG_S, 'topic="t",partition="1"'): "1x100", on(RETENTION, 'topic="t"'): "90x100"},
        topic="t",
    ),
    quiet(
        "RetentionInDanger",
        "an hour of a month",
        {on(LAG_S, P0): "3600x100", on(RETENTION, 'topic="t"'): "2592000x100"},
    ),
]
SERVERS = [
    fires("ServerAway", "no worker reaches it", {on(LOOK, 'at="broker"'): "0x100"}, at="broker"),
    quiet("ServerAway", "one does", {on(LOOK, 'at="broker"'): "0x100", on(LOOK, 'at="broker"', "b"): "1x100"}),
    quiet("ServerAway", "a leader moves", {on(LOOK, 'at="broker"'): "1x76 0 0 1x60"}),
    fires("ServerAway", "looks don't end", {on(LOOK, 'at="database"'): "1x100", OLD: "3+15x100"}, at="database"),
    quiet("ServerAway", "one's don't", {OLD: "3+15x100", on(AGE, 'at="database"', "b"): "3x100"}),
    fires("ClockSkew", "behind", {on(SKEW): "-9x100"}),
    quiet("ClockSkew", "a little", {on(SKEW): "0.3x100"}),
]
SCENARIOS = MONEY + INPUT + SERVERS
