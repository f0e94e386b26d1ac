"""Incidents, each as the metrics of all workers and the alerts that fire: one incident, one alert."""

from collections.abc import Iterable
from dataclasses import dataclass, field

from tests.deploy.scenarios import (
    AGE,
    BREAKER,
    BUILD,
    CENSUS,
    COMMITTED,
    DUE,
    HELD,
    LAG,
    LAG_S,
    LOOK,
    LOST,
    MEMBERS,
    OLDEST,
    P0,
    PAUSED_LANE,
    PUBLISHED,
    QUARANTINED,
    READY,
    REBALANCES,
    RETENTION,
    SKEW,
    STATE,
    STUCK,
    UNKNOWN,
    UNPUBLISHED,
    VERSION,
    WATERMARK,
    on,
)

GROWS = "0x4 0+15x400"
BROKER, DATABASE, LANE, TOPIC = 'at="broker"', 'at="database"', 'lane="1"', 'topic="t"'
STATES = {state: f'{LANE},state="{state}"' for state in ("publishing", "starting", "stopped")}
# Name, labels, and what is shown when all is well.
OF_BROKER = {
    (LAG_S, P0): "0x400", (LAG, P0): "0x400", (COMMITTED, P0): "7+1x400", (LOST, P0): "0x400", (HELD, P0): "0x400",
    (RETENTION, TOPIC): "2592000x400", (MEMBERS, ""): "2x400",
}  # fmt: skip
OF_DATABASE = {
    (WATERMARK, ""): "3x400", (UNKNOWN, ""): "0x400", (BREAKER, TOPIC): "0x400", (STUCK, ""): "0x400", (DUE,
    ""): "0x400",
    (UNPUBLISHED, LANE): "0x400", (OLDEST, LANE): "0x400", (SKEW, ""): "0.1x400",
    (PAUSED_LANE, f'{LANE},by="person"'): "0x400", (PAUSED_LANE, f'{LANE},by="limit"'): "0x400",
}  # fmt: skip
OF_WORKER = {
    (BUILD, VERSION): "1x400", (READY, ""): "1x400", (CENSUS, ""): "0+15x400", (REBALANCES, 'group="input"'): "3x400",
    (LOOK, BROKER): "1x400", (LOOK, DATABASE): "1x400", (AGE, BROKER): "3x400", (AGE, DATABASE): "3x400",
    (PUBLISHED, LANE): "0+1x400", (QUARANTINED, 'reason="schema"'): "0x400", (STATE, STATES["stopped"]): "0x400",
}  # fmt: skip
WELL = OF_BROKER | OF_DATABASE | OF_WORKER
NOTHING_READ = {(LAG_S, P0): GROWS, (LAG, P0): "0x4 0+1x400", (COMMITTED, P0): "7x400"}
NOTHING_SENT = {(OLDEST, LANE): GROWS, (UNPUBLISHED, LANE): "0x4 5x400", (PUBLISHED, LANE): "9x400"}
NO_DEADLINE = {(WATERMARK, ""): GROWS, (DUE, ""): GROWS}


def unseen(figures: Iterable[tuple[str, str]], since: str = "0x4 stale") -> dict[tuple[str, str], str]:
    """Figures that a worker leaves out, as it could not look for a minute."""
    return dict.fromkeys(figures, since)


NO_BROKER = unseen(OF_BROKER) | {(LOOK, BROKER): "1x2 0x400", (AGE, BROKER): GROWS, (READY, ""): "1x2 0x400"}
NO_DATABASE = unseen(OF_DATABASE) | {(LOOK, DATABASE): "1x2 0x400", (AGE, DATABASE): GROWS, (READY, ""): "1x2 0x400"}


@dataclass(frozen=True)
class Incident:
    """The metrics of two workers, `a` and `b`, where they differ from normal ones, and the alerts that fire an hour
    later."""

    what: str
    alerts: set[str]
    a: dict[tuple[str, str], str] = field(default_factory=dict)
    b: dict[tuple[str, str], str] = field(default_factory=dict)
    minute: int = 60

    @property
    def series(self) -> dict[str, str]:
        """Of both workers, as promtool writes them."""
        return {
            on(name, labels, instance): values
            for instance, changed in (("a", self.a), ("b", self.b))
            for (name, labels), values in (WELL | changed).items()
        }


def everywhere(what: str, alerts: set[str], changed: dict[tuple[str, str], str], minute: int = 60) -> Incident:
    return Incident(what, alerts, changed, changed, minute)


INCIDENTS = [
    everywhere("all is well", set(), {}),
    everywhere("the broker is away", {"ServerAway"}, NO_BROKER | NOTHING_SENT | NO_DEADLINE),
    everywhere("the broker has been away for three minutes", {"ServerAway"}, NO_BROKER | NOTHING_SENT, 4),
    everywhere("the database is away", {"ServerAway"}, NO_DATABASE | NOTHING_READ),
    everywhere("the database has been away for three minutes", {"ServerAway"}, NO_DATABASE | NOTHING_READ, 4),
    Incident("one worker reaches neither", {"WorkerNotReady"}, NO_BROKER | NO_DATABASE),
    everywhere(
        "all start while the database is away",
        {"ServerAway"},
        unseen(OF_DATABASE, "stale")
        | {(LOOK, DATABASE): "0x400", (AGE, DATABASE): "stale", (READY, ""): "0x400", (MEMBERS, ""): "0x400"}
        | NOTHING_READ,
    ),
    everywhere(
        "all start while the broker is away",
        {"ServerAway"},
        unseen(OF_BROKER, "stale")
        | {(LOOK, BROKER): "0x400", (AGE, BROKER): "stale", (READY, ""): "0x400"}
        | NOTHING_SENT
        | NO_DEADLINE,
    ),
    everywhere("they start and get no further", {"NoConsumer"}, {(READY, ""): "0x400", (MEMBERS, ""): "0x400"}),
    everywhere("a circuit breaker is open", {"CircuitBreakerOpen"}, NOTHING_READ | NO_DEADLINE | {
        (BREAKER, TOPIC): "0x4 1x400", (READY, ""): "1x4 0x400", (QUARANTINED, 'reason="schema"'): "0x4 250x400",
    }),
    Incident(
        "Kafka refuses an output of a lane, which tries again every minute",
        {"LaneStopped"},
        NOTHING_SENT | {(STATE, STATES["stopped"]): "0x4 1x3 0" + " 1x3 0" * 100},
        NOTHING_SENT,
    ),
    everywhere("a person paused the outbox for half an hour", set(), NOTHING_SENT | {
        (PAUSED_LANE, f'{LANE},by="person"'): "0x4 1x400",
    }, 30),
    everywhere("a person paused the outbox and forgot it", {"OutboxPaused"}, NOTHING_SENT | {
        (PAUSED_LANE, f'{LANE},by="person"'): "0x4 1x400",
    }, 90),
    everywhere("the refund limit was reached", {"RefundLimitReached"}, NOTHING_SENT | {
        (PAUSED_LANE, f'{LANE},by="limit"'): "0x4 1x400",
    }),
    everywhere("nobody owns a lane", {"MoneyLate", "OutboxStuck"}, NOTHING_SENT),
    everywhere("a worker hangs on a partition", {"MoneyLate", "PartitionStalled"}, NOTHING_READ | NO_DEADLINE),
    everywhere("deadlines don't fire", {"DeadlinesOverdue"}, {(DUE, ""): GROWS}),
]  # fmt: skip
