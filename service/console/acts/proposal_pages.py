"""The pages of a proposal: its form, its preview, and its confirmation."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import TYPE_CHECKING
from uuid import UUID, uuid4

from service.console.acts.approval import ASKED_FOR_IT, limits_of, needs_approval, why_not
from service.console.acts.found import changed, find, moved, preview_now
from service.console.acts.kinds import COMMANDS, EXPLAINED, FIELDS, IN_STEPS, PROBLEMS, TITLES
from service.console.acts.models import ActFormModel, ItemModel, ProposalModel
from service.console.acts.planning import again, plan_of, reason_of
from service.console.acts.plans import PlanError, new_planner
from service.console.forms import form_token, refusal_of, sent_form
from service.console.models import ProblemModel
from service.console.problems import not_here, refused
from service.console.visit import Answer, see_other
from service.operations.acts.kinds import Act
from service.operations.sentence import sentence
from service.store.driver_errors import translated
from service.store.operators.act_operations import begin_operation
from service.store.operators.proposals import (
    NewProposal,
    Who,
    add_proposal,
    lock_confirmations,
    made_before,
    order_tokens,
)
from service.store.search import is_storable

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import asyncpg
    from aiohttp import web

    from service.console.acts.found import Found
    from service.console.acts.models import PreviewModel
    from service.console.language import PlainLanguage
    from service.console.parts import Parts
    from service.console.visit import Visit
    from service.operations.sentence import Sentence
    from service.store.operators.act_operations import ItemRow

FORM_BYTES = 256 * 1024
LASTS = timedelta(hours=8)
"""So long a proposal may be confirmed: a shift."""
SETTLE_SECONDS = 2.0
ITEMS_SHOWN = 200
STEPS = (1, 10, 100)
_BYTES = ("value", "key_text")
"""Fields that are stored as bytes: any text will do."""


async def act_form(console: Parts, visit: Visit) -> Answer:
    """Show the form of an act; the query fills it in."""
    act = visit.request.match_info["act"]
    if act not in FIELDS:
        return not_here(404)
    query = visit.request.query
    filled = {
        name: query[name]
        for name in (*FIELDS[act], "why", "ticket", "topic", "reason", "place", "source")
        if name in query
    }
    if "order" in query and "orders" in FIELDS[act]:
        filled["orders"] = query["order"]
    return _form(console, visit, act, filled)


async def propose(console: Parts, visit: Visit) -> Answer | web.Response:
    """Plan what a form asks for, store it as a proposal, and lead to its page."""
    assert console.acts is not None
    act = visit.request.match_info["act"]
    if act not in FIELDS:
        return not_here(404)
    form = await sent_form(visit, FORM_BYTES)
    if (foreign := refusal_of(console, visit, form)) is not None:
        return refused(403, foreign)
    who, key = who_of(visit), form.get("key", "")
    if not 8 <= len(key) <= 100:
        return _form(console, visit, act, form, sentence("The form has no key. Open its page again."))
    storable = {name: text for name, text in form.items() if name in _BYTES or is_storable(text)}
    if len(storable) < len(form):
        problem = sentence("There is a character in it that can't be stored: NUL, or half of a surrogate pair.")
        return _form(console, visit, act, storable, problem)
    async with console.acts.pool.connection() as connection:
        if (before := await made_before(connection, who.subject, key)) is not None:
            visit.trace.about = str(before)
            return see_other(f"/proposals/{before}")
        try:
            why, ticket = reason_of(form)
            planner = await new_planner(console, connection)
            plan = await plan_of(planner, act, form)
        except PlanError as error:
            return _form(console, visit, act, form, error.reason)
        approval = needs_approval(act, plan, limits_of(console.settings))
        made = await add_proposal(
            connection,
            NewProposal(
                uuid4(),
                key,
                act,
                who,
                why,
                ticket,
                json.dumps(plan.given),
                plan.preview(planner.clock).model_dump_json(),
                approval,
                LASTS,
                plan.items,
                await order_tokens(connection, plan.orders),
                plan.repair,
            ),
        )
    visit.trace.about = str(made)
    return see_other(f"/proposals/{made}")


async def proposal_page(console: Parts, visit: Visit) -> Answer:
    """Show a proposal: what it would do, and to what."""
    proposal_id = uuid_of(visit.request.match_info["proposal_id"])
    async with console.stories.readers.histories() as histories:
        found = None if proposal_id is None else await find(histories.connection, proposal_id)
        if found is None:
            return not_here(404)
        clock = await histories.clock()
        limits, one = limits_of(console.settings), found.proposal
        problem = await why_not(histories.connection, limits, found, who_of(visit))
        is_large = await why_not(histories.connection, limits, found, one.requested) is not None
    needs_two = one.needs_approval or (is_large and not found.is_begun)
    form = form_token(console, visit)
    context = {
        "found": found,
        "preview": found.preview,
        "title_of": TITLES[one.act],
        "explained": EXPLAINED[one.act],
        "needs_two": needs_two,
        "problem": problem,
        "is_own": problem == ASKED_FOR_IT,
        "is_over": one.ends_at <= clock.now,
        "form": form,
        "steps": STEPS if one.act in IN_STEPS and one.items > 1 else (),
        "items_shown": ITEMS_SHOWN,
        **WORDS,
    }
    title = sentence("Proposal: {act}", act=TITLES[one.act])
    model = _model(found, needs_two=needs_two)
    return Answer("proposal.html", title, context, lambda _language: model, headers=form.headers)


async def confirm(console: Parts, visit: Visit) -> Answer | web.Response:
    """Begin what was proposed, unless something else would follow now; lead to the operation's page."""
    assert console.acts is not None
    proposal_id = uuid_of(visit.request.match_info["proposal_id"])
    form = await sent_form(visit, FORM_BYTES)
    if (foreign := refusal_of(console, visit, form)) is not None:
        return refused(403, foreign)
    if proposal_id is None:
        return not_here(404)
    visit.trace.about = str(proposal_id)
    who = who_of(visit)
    async with console.acts.pool.connection() as connection:
        # Outside the transaction, because it takes long. What an order receives meanwhile is found inside.
        before = await find(connection, proposal_id)
        if before is None:
            return not_here(404)
        other = [] if before.is_begun else await moved(console, connection, before, before.preview)
        async with translated(), connection.transaction():
            # A person who confirms at the same time waits here, and finds it confirmed then.
            await lock_confirmations(connection)
            found = await find(connection, proposal_id)
            assert found is not None
            if not found.is_begun:
                if (refusal := await _refusal(console, connection, found, who)) is not None:
                    return refusal
                orders, problem = await changed(connection, found, other)
                if problem is None:
                    await begin_operation(connection, proposal_id, who, _allowed(form, found))
        if not found.is_begun and problem is not None:
            return await stale(console, visit, connection, found, found.preview, orders, problem)
    console.acts.runner.start(proposal_id)
    await console.acts.runner.settle(proposal_id, SETTLE_SECONDS)
    return see_other(f"/operations/{proposal_id}")


async def stale(
    console: Parts,
    visit: Visit,
    connection: asyncpg.Connection[asyncpg.Record],
    found: Found,
    before: PreviewModel,
    orders: Sequence[str],
    problem: Sentence,
) -> Answer:
    """Show what has changed since `before`, and what would follow now; ask again."""
    one = found.proposal
    now = await preview_now(console, connection, found)
    form = form_token(console, visit)
    then_by_order = {effect.order_id: effect for effect in before.effects}
    now_by_order = {} if now is None else {effect.order_id: effect for effect in now.effects}
    context = {
        "found": found,
        "before": before,
        "now": now,
        "problem": problem,
        "orders": [(order, then_by_order.get(order), now_by_order.get(order)) for order in orders[:ITEMS_SHOWN]],
        "form": form,
        "again": again(one.act, json.loads(one.given), found.items) | {"why": one.why, "ticket": one.ticket or ""},
        "title_of": TITLES[one.act],
        **WORDS,
    }
    title = sentence("The preview is out of date")

    def model(language: PlainLanguage) -> ProblemModel:
        return ProblemModel(title=language.translate(title), status=409, detail=language.translate(problem))

    return Answer("stale.html", title, context, model, 409, headers=form.headers)


def who_of(visit: Visit) -> Who:
    """Return who asks."""
    assert visit.person is not None
    return Who(visit.person.subject, visit.person.name, visit.person.way)


def uuid_of(text: str) -> UUID | None:
    """Return the id in an address; None where it is none."""
    try:
        return UUID(text)
    except ValueError:
        return None


def item_model(one: ItemRow) -> ItemModel:
    """Return an item for programs."""
    return ItemModel(
        nth=one.nth,
        subject=one.subject,
        order_ids=list(one.order_ids),
        outcome=one.outcome,
        detail=one.detail,
        ended_at=one.ended_at,
    )


WORDS: Mapping[str, object] = {"commands": COMMANDS, "problems": PROBLEMS, "lines": lambda line: line.partition(":")[0]}


def _form(console: Parts, visit: Visit, act: str, filled: Mapping[str, str], problem: Sentence | None = None) -> Answer:
    form = form_token(console, visit)
    fields = {name: filled.get(name, "") for name in (*FIELDS[act], "why", "ticket")}
    group = {name: filled[name] for name in ("topic", "reason", "place", "source") if name in filled}
    context = {
        "act": act,
        "explained": EXPLAINED[act],
        "fields": fields,
        "group": group if "group" in FIELDS[act] else {},
        "form": form,
        "problem": problem,
        "Act": Act,
    }

    def model(language: PlainLanguage) -> ActFormModel:
        why_not = None if problem is None else language.translate(problem)
        return ActFormModel(act=act, form_token=form.token, key=form.key, fields=fields | group, problem=why_not)

    status = 200 if problem is None else 422
    return Answer("act_form.html", TITLES[act], context, model, status, headers=form.headers)


async def _refusal(
    console: Parts, connection: asyncpg.Connection[asyncpg.Record], found: Found, who: Who
) -> Answer | None:
    """Return why this person can't confirm; None: they can. Raises StoreError."""
    if await connection.fetchval("select clock_timestamp() >= $1", found.proposal.ends_at):
        return refused(
            409, sentence("This proposal has ended: too much time has passed since its preview. Propose it again.")
        )
    problem = await why_not(connection, limits_of(console.settings), found, who)
    return None if problem is None else refused(403, problem)


def _allowed(form: Mapping[str, str], found: Found) -> int:
    """Return how many items may be handled at first."""
    step = form.get("step", "all")
    asked = int(step) if step in map(str, STEPS) else found.proposal.items
    return min(asked, found.proposal.items)


def _model(found: Found, *, needs_two: bool) -> ProposalModel:
    one = found.proposal
    return ProposalModel(
        id=str(one.id),
        act=one.act,
        requested_by=str(one.requested),
        requested_at=one.requested_at,
        why=one.why,
        ticket=one.ticket,
        needs_approval=needs_two,
        ends_at=one.ends_at,
        confirmed_by=None if one.confirmed is None else str(one.confirmed),
        confirmed_at=one.confirmed_at,
        preview=found.preview,
        items=[item_model(each) for each in found.items],
    )
