"""The pages of a proposal: its form, its preview, and its confirmation."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import TYPE_CHECKING, NamedTuple
from uuid import UUID, uuid4

from service.console.acts.kinds import COMMANDS, EXPLAINED, FIELDS, IN_STEPS, PROBLEMS, TITLES, Act
from service.console.acts.models import ActFormModel, ItemModel, MoveModel, PreviewModel, ProposalModel
from service.console.acts.planning import again, plan_of, reason_of, replan_of
from service.console.acts.plans import PlanError, needs_approval, new_desk
from service.console.forms import form_token, refusal_of, sent_form
from service.console.models import ProblemModel
from service.console.problems import not_here, refused
from service.console.visit import Answer, see_other
from service.operations.acts.perform import NEED_ENGINE, stands
from service.operations.sentence import sentence
from service.store.driver_errors import translated
from service.store.operators.act_operations import begin_operation, items, operation
from service.store.operators.proposals import (
    NewProposal,
    Proposal,
    Who,
    add_proposal,
    changed_orders,
    lock_proposal,
    made_before,
    order_tokens,
    proposal,
    repair_of,
)
from service.store.search import is_storable

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import asyncpg
    from aiohttp import web

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


class Found(NamedTuple):
    """A proposal with its items."""

    proposal: Proposal
    items: Sequence[ItemRow]
    is_begun: bool

    @property
    def preview(self) -> PreviewModel:
        """The content that was shown when it was proposed."""
        return PreviewModel.model_validate_json(self.proposal.preview)


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
            visit.request["about"] = str(before)
            return see_other(f"/proposals/{before}")
        try:
            why, ticket = reason_of(form)
            desk = await new_desk(console, connection)
            plan = await plan_of(desk, act, form)
        except PlanError as error:
            return _form(console, visit, act, form, error.reason)
        settings = console.settings
        approval = needs_approval(act, plan, settings.console_approval_records, settings.approval_amounts())
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
                plan.preview(desk.clock).model_dump_json(),
                approval,
                LASTS,
                plan.items,
                await order_tokens(connection, plan.orders),
                plan.repair,
            ),
        )
    visit.request["about"] = str(made)
    return see_other(f"/proposals/{made}")


async def proposal_page(console: Parts, visit: Visit) -> Answer:
    """Show a proposal: what it would do, and to what."""
    proposal_id = uuid_of(visit.request.match_info["proposal_id"])
    async with console.stories.readers.histories() as histories:
        found = None if proposal_id is None else await _found(histories.connection, proposal_id)
        clock = await histories.clock()
    if found is None:
        return not_here(404)
    who = who_of(visit)
    form = form_token(console, visit)
    one = found.proposal
    context = {
        "found": found,
        "preview": found.preview,
        "title_of": TITLES[one.act],
        "explained": EXPLAINED[one.act],
        "is_own": one.requested.subject == who.subject,
        "is_over": one.ends_at <= clock.now,
        "form": form,
        "steps": STEPS if one.act in IN_STEPS and one.items > 1 else (),
        "items_shown": ITEMS_SHOWN,
        **WORDS,
    }
    title = sentence("Proposal: {act}", act=TITLES[one.act])
    return Answer("proposal.html", title, context, lambda _language: _model(found), headers=form.headers)


async def confirm(console: Parts, visit: Visit) -> Answer | web.Response:
    """Begin what was proposed, unless something else would follow now; lead to the operation's page."""
    assert console.acts is not None
    proposal_id = uuid_of(visit.request.match_info["proposal_id"])
    form = await sent_form(visit, FORM_BYTES)
    if (foreign := refusal_of(console, visit, form)) is not None:
        return refused(403, foreign)
    if proposal_id is None:
        return not_here(404)
    visit.request["about"] = str(proposal_id)
    who = who_of(visit)
    async with console.acts.pool.connection() as connection:
        # Outside the transaction, because it takes long. What an order hears meanwhile is found inside.
        moved = await _moved(console, connection, proposal_id)
        async with translated(), connection.transaction():
            # Whoever confirms at the same time waits here, and finds it confirmed then.
            found = await _found(connection, proposal_id, lock=True)
            if found is None:
                return not_here(404)
            if (refusal := _refusal(found, who, await _now_over(connection, found))) is not None:
                return refusal
            if not found.is_begun:
                changed, problem = await _changed(connection, found, moved)
                if problem is None:
                    await begin_operation(connection, proposal_id, who, _allowed(form, found))
        if not found.is_begun and problem is not None:
            return await _stale(console, visit, connection, found, changed, problem)
    console.acts.runner.start(proposal_id)
    await console.acts.runner.settle(proposal_id, SETTLE_SECONDS)
    return see_other(f"/operations/{proposal_id}")


async def _stale(
    console: Parts,
    visit: Visit,
    connection: asyncpg.Connection[asyncpg.Record],
    found: Found,
    changed: Sequence[str],
    problem: Sentence,
) -> Answer:
    """Show what has changed, and what would follow now; ask again."""
    one = found.proposal
    now = await _preview_now(console, connection, found)
    form = form_token(console, visit)
    then_by_order = {effect.order_id: effect for effect in found.preview.effects}
    now_by_order = {} if now is None else {effect.order_id: effect for effect in now.effects}
    context = {
        "found": found,
        "before": found.preview,
        "now": now,
        "problem": problem,
        "orders": [(order, then_by_order.get(order), now_by_order.get(order)) for order in changed[:ITEMS_SHOWN]],
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
    return Who(visit.person.subject, visit.person.name)


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


async def _found(
    connection: asyncpg.Connection[asyncpg.Record], proposal_id: UUID, *, lock: bool = False
) -> Found | None:
    if lock:
        await lock_proposal(connection, proposal_id)
    one = await proposal(connection, proposal_id)
    if one is None:
        return None
    return Found(one, await items(connection, proposal_id), await operation(connection, proposal_id) is not None)


def _refusal(found: Found, who: Who, is_over: bool) -> Answer | None:
    """Return why this person can't confirm; None: they may, or it was begun already and they are led to it."""
    if found.is_begun:
        return None
    if is_over:
        return refused(
            409, sentence("This proposal has ended: too much time has passed since its preview. Propose it again.")
        )
    if found.proposal.needs_approval and found.proposal.requested.subject == who.subject:
        return refused(403, sentence("You asked for this, so somebody else has to confirm it."))
    return None


async def _now_over(connection: asyncpg.Connection[asyncpg.Record], found: Found) -> bool:
    return bool(await connection.fetchval("select clock_timestamp() >= $1", found.proposal.ends_at))


async def _preview_now(
    console: Parts, connection: asyncpg.Connection[asyncpg.Record], found: Found
) -> PreviewModel | None:
    """Return what would follow now of the same items; None: there is nothing left to do."""
    one = found.proposal
    desk = await new_desk(console, connection)
    plan = await replan_of(desk, one.act, json.loads(one.given), found.items, await repair_of(connection, one.id))
    return None if plan is None else plan.preview(desk.clock)


async def _moved(console: Parts, connection: asyncpg.Connection[asyncpg.Record], proposal_id: UUID) -> list[str]:
    """Return the orders for which other money would move than was shown: the rules also decide by the clock."""
    found = await _found(connection, proposal_id)
    if found is None or found.is_begun or found.proposal.act not in NEED_ENGINE:
        return []
    now = await _preview_now(console, connection, found)
    before, after = _moves(found.preview), {} if now is None else _moves(now)
    return sorted(order for order in before.keys() | after.keys() if before.get(order) != after.get(order))


def _moves(preview: PreviewModel) -> dict[str, list[MoveModel]]:
    return {effect.order_id: effect.moves for effect in preview.effects if effect.moves}


async def _changed(
    connection: asyncpg.Connection[asyncpg.Record], found: Found, moved: Sequence[str]
) -> tuple[Sequence[str], Sentence | None]:
    """Return why the preview holds no longer (None: it holds), and the orders for which it doesn't."""
    given = json.loads(found.proposal.given)
    if changed := await changed_orders(connection, found.proposal.id, None):
        return changed, sentence(
            "Nothing was done: {number} of its orders have changed since the preview.", number=len(changed)
        )
    if await stands(found.proposal.act, given, connection) != given.get("stands", ""):
        return [], sentence("Nothing was done: pauses or circuit breakers have changed since the preview.")
    if moved:
        return moved, sentence(
            "Nothing was done: by the time that has passed, other money would move for {number} of its orders.",
            number=len(moved),
        )
    return [], None


def _allowed(form: Mapping[str, str], found: Found) -> int:
    """Return how many items may be handled at first."""
    step = form.get("step", "all")
    asked = int(step) if step in map(str, STEPS) else found.proposal.items
    return min(asked, found.proposal.items)


def _model(found: Found) -> ProposalModel:
    one = found.proposal
    return ProposalModel(
        id=str(one.id),
        act=one.act,
        requested_by=str(one.requested),
        requested_at=one.requested_at,
        why=one.why,
        ticket=one.ticket,
        needs_approval=one.needs_approval,
        ends_at=one.ends_at,
        confirmed_by=None if one.confirmed is None else str(one.confirmed),
        confirmed_at=one.confirmed_at,
        preview=found.preview,
        items=[item_model(each) for each in found.items],
    )
