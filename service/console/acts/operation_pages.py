"""The pages of operations: what is proposed and runs, what became of each item, how it goes on."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from service.console.acts.found import find, moved, preview_of_left, time_moved
from service.console.acts.kinds import EXPLAINED, OUTCOMES, STATES, STOPPED, TITLES
from service.console.acts.models import (
    OperationModel,
    OperationShortModel,
    OperationsModel,
    ProposalShortModel,
)
from service.console.acts.proposal_pages import FORM_BYTES, SETTLE_SECONDS, STEPS, item_model, stale, uuid_of
from service.console.forms import form_token, refusal_of, sent_form
from service.console.problems import not_here, refused
from service.console.visit import Answer, see_other
from service.operations.acts.kinds import Act
from service.operations.sentence import sentence
from service.store.operators.act_operations import (
    OperationRow,
    allow_more,
    items,
    latest_operations,
    operation,
    stop_operation,
)
from service.store.operators.proposals import Proposal, open_proposals, proposal

if TYPE_CHECKING:
    from aiohttp import web

    from service.console.parts import Parts
    from service.console.visit import Visit

SHOWN = 50
ITEMS_SHOWN = 500


class Listed(NamedTuple):
    """An operation and what it does."""

    operation: OperationRow
    proposal: Proposal


async def operations(console: Parts, _visit: Visit) -> Answer:
    """Show what is proposed, what runs and what ran."""
    async with console.stories.readers.histories() as histories:
        proposals = await open_proposals(histories.connection, SHOWN)
        found = []
        for row in await latest_operations(histories.connection, SHOWN):
            one = await proposal(histories.connection, row.id)
            if one is not None:
                found.append(Listed(row, one))
    context = {
        "proposals": proposals,
        "found": found,
        "titles": TITLES,
        "states": STATES,
        "acts": [(act, TITLES[act], EXPLAINED[act]) for act in Act],
    }

    def model(_language: object) -> OperationsModel:
        return OperationsModel(
            proposals=[_short_proposal(one) for one in proposals], operations=[_short(one) for one in found]
        )

    return Answer("operations.html", sentence("Acts"), context, model)


async def operation_page(console: Parts, visit: Visit) -> Answer:
    """Show how far an operation is, and what became of each item."""
    operation_id = uuid_of(visit.request.match_info["operation_id"])
    async with console.stories.readers.histories() as histories:
        row = None if operation_id is None else await operation(histories.connection, operation_id)
        one = None if row is None else await proposal(histories.connection, row.id)
        rows = [] if row is None else await items(histories.connection, row.id)
    if row is None or one is None:
        return not_here(404)
    form = form_token(console, visit)
    counts = {outcome: sum(each.outcome == outcome for each in rows) for outcome in OUTCOMES}
    context = {
        "row": row,
        "proposal": one,
        "items": rows[:ITEMS_SHOWN],
        "has_more": len(rows) > ITEMS_SHOWN,
        "counts": {outcome: number for outcome, number in counts.items() if number},
        "title_of": TITLES[one.act],
        "outcomes": OUTCOMES,
        "states": STATES,
        "stopped": STOPPED,
        "steps": STEPS,
        "form": form,
    }

    def model(_language: object) -> OperationModel:
        return OperationModel(
            id=str(row.id),
            act=one.act,
            state=row.state,
            stopped=row.stopped,
            requested_by=str(one.requested),
            confirmed_by=str(one.confirmed),
            why=one.why,
            ticket=one.ticket,
            started_at=row.started_at,
            ended_at=row.ended_at,
            allowed=row.allowed,
            handled=row.handled,
            items=[item_model(each) for each in rows],
        )

    title = sentence("Operation: {act}", act=TITLES[one.act])
    return Answer("operation.html", title, context, model, headers=form.headers)


async def go_on(console: Parts, visit: Visit) -> Answer | web.Response:
    """Let an operation handle more items: the next 1, 10, 100, or all, if they still move what was previewed."""
    assert console.acts is not None
    operation_id = uuid_of(visit.request.match_info["operation_id"])
    form = await sent_form(visit, FORM_BYTES)
    if (foreign := refusal_of(console, visit, form)) is not None:
        return refused(403, foreign)
    async with console.acts.pool.connection() as connection:
        row = None if operation_id is None else await operation(connection, operation_id)
        if row is None:
            return not_here(404)
        visit.trace.about = str(row.id)
        step, handled = form.get("step", ""), form.get("handled", "")
        more = int(step) if step in map(str, STEPS) else row.items
        if handled == str(row.handled) and row.state in ("waiting", "stopped"):
            found = await find(connection, row.id)
            assert found is not None
            before = await preview_of_left(connection, found.left)
            if orders := await moved(console, connection, found.left, before):
                return await stale(console, visit, connection, found.left, before, orders, time_moved(orders))
            await allow_more(connection, row.id, row.handled, more)
    console.acts.runner.start(row.id)
    await console.acts.runner.settle(row.id, SETTLE_SECONDS)
    return see_other(f"/operations/{row.id}")


async def stop(console: Parts, visit: Visit) -> Answer | web.Response:
    """Stop an operation after the item that is being handled."""
    assert console.acts is not None
    operation_id = uuid_of(visit.request.match_info["operation_id"])
    form = await sent_form(visit, FORM_BYTES)
    if (foreign := refusal_of(console, visit, form)) is not None:
        return refused(403, foreign)
    async with console.acts.pool.connection() as connection:
        row = None if operation_id is None else await operation(connection, operation_id)
        if row is None:
            return not_here(404)
        await stop_operation(connection, row.id)
    visit.trace.about = str(row.id)
    return see_other(f"/operations/{row.id}")


def _short(one: Listed) -> OperationShortModel:
    return OperationShortModel(
        id=str(one.operation.id),
        act=one.proposal.act,
        state=one.operation.state,
        requested_by=str(one.proposal.requested),
        confirmed_by=str(one.proposal.confirmed),
        why=one.proposal.why,
        started_at=one.operation.started_at,
        handled=one.operation.handled,
        items=one.operation.items,
    )


def _short_proposal(one: Proposal) -> ProposalShortModel:
    return ProposalShortModel(
        id=str(one.id),
        act=one.act,
        requested_by=str(one.requested),
        why=one.why,
        needs_approval=one.needs_approval,
        ends_at=one.ends_at,
        items=one.items,
    )
