"""Pages for operators: how the service stands, a page per alert, the runbook."""

from __future__ import annotations

from typing import TYPE_CHECKING

from service.console.access import Right
from service.console.acts.alert_acts import acts_for
from service.console.models import ProblemModel
from service.console.presentation import awaited_from
from service.console.problems import not_here
from service.console.runbook import sections
from service.console.state_models import (
    ActionModel,
    AlertModel,
    AlertsModel,
    HaltedModel,
    KindOfWaitModel,
    LaneModel,
    PauseModel,
    SectionModel,
    StateModel,
    UnpublishedModel,
    ValueModel,
)
from service.console.visit import Answer
from service.operations.alerts import ALERTS, BY_NAME, holding
from service.operations.sentence import Sentence, listed, sentence
from service.operations.wait_names import wait_name

if TYPE_CHECKING:
    from service.console.language import PlainLanguage
    from service.console.parts import Parts
    from service.console.visit import Visit
    from service.operations.alert_looks import Look, Seen
    from service.operations.alerts import Alert
    from service.operations.situation import Situation

PREFIX = "Purchasing"


async def state(console: Parts, _visit: Visit) -> Answer:
    """Show how the service stands: money that is late, why, and the one thing to do."""
    seen = await console.watch.seen()
    shown = seen.situation or console.watch.last
    found = list(holding(seen))
    context = {
        "seen": seen,
        "shown": shown,
        "found": found,
        "late": [] if shown is None else [one for one in shown.unpublished if one.amount is not None],
        "overdue": [] if seen.waits is None else [one for one in seen.waits.rows if one.overdue],
        "quarantined": 0 if shown is None else _quarantined(shown),
        "wait_name": wait_name,
        "awaited_from": awaited_from,
    }
    return Answer("state.html", sentence("Now"), context, lambda language: _state(seen, shown, found, language))


def _quarantined(situation: Situation) -> int:
    return sum(row["open"] for row in situation.figures.quarantine)


def _state(seen: Seen, shown: Situation | None, found: list[tuple[Alert, Look]], language: PlainLanguage) -> StateModel:
    totals = None if shown is None else shown.figures.totals
    return StateModel(
        is_current=seen.situation is not None,
        known_at=None if shown is None else shown.at,
        watermark=None if shown is None else shown.watermark,
        broker=broker_state(seen),
        alerts=[_alert(alert, look, language) for alert, look in found],
        unpublished=[] if shown is None else [UnpublishedModel(**one._asdict()) for one in shown.unpublished],
        unpublished_is_partial=shown is not None and shown.is_partial,
        lanes=[] if shown is None else [LaneModel(**one._asdict()) for one in shown.lanes],
        pauses=[] if shown is None else [PauseModel(**one._asdict()) for one in shown.pauses],
        waits=[] if seen.waits is None else [KindOfWaitModel(**one._asdict()) for one in seen.waits.rows],
        waits_counted_at=None if seen.waits is None else seen.waits.at,
        halted=[] if shown is None else [HaltedModel(**one._asdict()) for one in shown.halted],
        stuck=0 if totals is None else totals["stuck"],
        held=0 if totals is None else totals["held"],
        quarantined=0 if shown is None else _quarantined(shown),
        actions=[] if shown is None else [ActionModel(**one._asdict()) for one in shown.actions],
    )


def broker_state(seen: Seen) -> str:
    """Return whether the broker answers, for programs."""
    return "unknown" if not seen.asks_broker else "away" if seen.lag is None else "answers"


async def alerts(console: Parts, _visit: Visit) -> Answer:
    """List all alerts, and whether each holds now."""
    seen = await console.watch.seen()
    found = [(alert, alert.look(seen)) for alert in ALERTS]
    return Answer(
        "alerts.html",
        sentence("Alerts"),
        {"found": found},
        lambda language: AlertsModel(alerts=[_alert(alert, look, language) for alert, look in found]),
    )


async def alert(console: Parts, visit: Visit) -> Answer:
    """Show an alert: is it still so, since when, what to do."""
    given = visit.request.match_info["alert"]
    chosen = BY_NAME.get(given) or BY_NAME.get(PREFIX + given)
    if chosen is None:
        return _no_such_alert(given)
    seen = await console.watch.seen()
    found = chosen.look(seen)
    context = {
        "alert": chosen,
        "look": found,
        "seen": seen,
        "last": console.watch.last,
        "section": sections()[chosen.section],
        "acts": acts_for(chosen.name, seen.situation) if visit.may(Right.ACTS) else (),
    }
    title = sentence("Alert {name}", name=chosen.name)
    return Answer("alert.html", title, context, lambda language: _alert(chosen, found, language))


def _no_such_alert(given: str) -> Answer:
    title = sentence("No such alert")

    def model(language: PlainLanguage) -> ProblemModel:
        names = listed(one.name for one in ALERTS)
        words = sentence("There is no alert {name}. These there are: {names}.", name=given, names=names)
        return ProblemModel(title=language.translate(title), status=404, detail=language.translate(words))

    context = {"unknown": given, "found": [(one, None) for one in ALERTS]}
    return Answer("alerts.html", title, context, model, 404)


def _alert(alert: Alert, look: Look, language: PlainLanguage) -> AlertModel:
    return AlertModel(
        name=alert.name,
        severity=alert.severity,
        words=language.translate(alert.words),
        holds=look.holds,
        since=look.since,
        values=[
            ValueModel(
                name=language.translate(one.name),
                value=language.translate(one.value) if isinstance(one.value, Sentence) else one.value,
            )
            for one in look.values
        ],
        todo=language.translate(alert.todo),
        command=alert.command,
        section=alert.section,
    )


async def runbook_section(_console: Parts, visit: Visit) -> Answer:
    """Show a section of the runbook."""
    found = sections().get(visit.request.match_info["section"])
    if found is None:
        return not_here(404)
    context = {"section": found, "others": sections().values()}
    return Answer(
        "runbook.html",
        sentence("Runbook"),
        context,
        lambda _language: SectionModel(slug=found.slug, title=found.title, html=str(found.html)),
    )
