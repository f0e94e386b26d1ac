"""Reconciliation: the journal against the topics and what payments reported, or against a list of commands."""

from __future__ import annotations

import re
from collections import Counter
from typing import TYPE_CHECKING, NamedTuple

from aiohttp.web import FileField
from multidict import MultiDict
from pydantic import ValidationError

from service.console.finance.answers import bounded, refused
from service.console.finance.filters import MOVEMENT_NAMES, Selection, selection_of
from service.console.finance.models import (
    AwaitedModel,
    AwaitedSumModel,
    CommandModel,
    CommandStateModel,
    ComparedModel,
    ForeignModel,
    ReconciliationModel,
    UploadedModel,
    UploadRequest,
)
from service.console.finance.uploads import FINDINGS, SAME, Found, UploadError, compared, listed_in
from service.console.presentation import awaited_from
from service.console.visit import Answer, BadRequestError
from service.operations.sentence import sentence
from service.operations.wait_names import wait_name
from service.rules.facts import instant, micros
from service.rules.waits import WAIT_KINDS
from service.store.money import (
    MOVEMENTS,
    CommandPlace,
    awaited_money,
    commands_beside,
    commands_by_id,
    foreign_answers,
    open_commands,
    state_of_commands,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from multidict import MultiMapping

    from service.console.parts import Parts
    from service.console.visit import Visit
    from service.store.money import Awaited, AwaitedSum, CommandRow, ForeignAnswer, StateRow
    from service.store.rows import StoreTime

ROWS = 100
SECONDS = 3.0
"""Of each of the statements of a page."""
GRACE_DAYS, GRACE_DAYS_MAX = 3, 30
_PLACE = re.compile(r"([0-9]{1,16})\.([0-9]{1,3})\.([0-9]{1,18})")
"""A command's place in an address: when it was decided in microseconds, lane, position."""
UPLOAD_BYTES = 1024 * 1024
DIFFERING_MAX = 200
IDS_AT_ONCE = 2_000

KINDS = (
    "payment_of_claim",
    "deposits_answer",
    "payment_or_disposal",
    "repayment",
    "promoters_repayment",
    "buyer_owes",
    "sellers_money",
    "seller_excess",
    "undeliverable",
)
"""The kinds of waits for money beside the answers to commands, by R21."""

STATUS_NAMES = {
    "unpublished": sentence("not published yet"),
    "open": sentence("not reported yet"),
    "confirmed": sentence("reported as executed"),
    "partly_failed": sentence("failed in part"),
    "failed": sentence("failed"),
    "no_answer": sentence("no report is foreseen"),
}


class Reconciliation(NamedTuple):
    """Everything that the page shows."""

    clock: StoreTime
    states: list[StateRow]
    open: list[CommandRow]
    open_found: int
    foreign: list[ForeignAnswer]
    sums: list[AwaitedSum]
    awaited: list[Awaited]


@bounded
async def reconciliation(console: Parts, visit: Visit) -> Answer:
    """Show what is open: commands without a report, reports without a command, money that somebody owes."""
    grace, after = _grace(visit.request.query), _after(visit.request.query)
    async with console.desk.turn() as histories:
        clock = await histories.clock()
        selection = selection_of(visit.request.query, clock.now)
        which, connection = selection.filter, histories.connection
        states = await state_of_commands(connection, which, clock.now, SECONDS)
        open_, found = await open_commands(connection, which, after, ROWS + 1, SECONDS)
        assert which.since is not None
        assert which.until is not None
        foreign = await foreign_answers(connection, which.since, which.until, ROWS, SECONDS)
        sums, each = await awaited_money(connection, KINDS, micros(clock.now), which.currency, ROWS, SECONDS)
    has_more, open_ = len(open_) > ROWS, open_[:ROWS]
    content = Reconciliation(clock, states, open_, found, foreign, sums, each)
    following = (
        f"/reconciliation?{selection.query(page=1)}&grace={grace}&after={_place(open_[-1])}" if has_more else None
    )
    context = {
        "selection": selection,
        "grace": grace,
        "reconciliation": content,
        "clock": clock,
        "next": following,
        "movements": MOVEMENT_NAMES,
        "movement_choices": MOVEMENTS,
        "statuses": STATUS_NAMES,
        "wait_name": wait_name,
        "awaited_from": awaited_from,
        "kinds": WAIT_KINDS,
        "open_due": [one for one in open_ if _is_due(one, clock, grace)],
        "open_ahead": [one for one in open_ if not _is_due(one, clock, grace)],
        "is_due_state": lambda one: _is_due_state(one, grace),
        "instant": instant,
        "rows_max": ROWS,
    }
    return Answer(
        "finance_reconciliation.html",
        sentence("Reconciliation"),
        context,
        lambda _language: _model(selection, grace, content, following),
    )


def _grace(query: MultiMapping[str]) -> int:
    given = query.get("grace", str(GRACE_DAYS))
    if not (given.isascii() and given.isdigit() and len(given) <= 2 and int(given) <= GRACE_DAYS_MAX):
        raise BadRequestError("Give the days that payments have to answer as a number from 0 to 30.")
    return int(given)


def _after(query: MultiMapping[str]) -> CommandPlace | None:
    """Return after which command the list begins; None: from the oldest."""
    given = query.get("after", "")
    if not given:
        return None
    named = _PLACE.fullmatch(given)
    if named is None:
        raise BadRequestError("Give the filter as the page's form does.")
    decided, lane, position = map(int, named.groups())
    return CommandPlace(instant(decided), lane, position)


def _place(command: CommandRow) -> str:
    return f"{micros(command.decided_at)}.{command.lane}.{command.position}"


def _is_due(command: CommandRow, clock: StoreTime, grace: int) -> bool:
    """Whether a report is awaited for too long. What is not published, or failed, needs nobody's patience."""
    if command.status != "open":
        return command.status in ("unpublished", "failed", "partly_failed")
    return (clock.now - command.decided_at).total_seconds() >= grace * 86_400


def _is_due_state(state: StateRow, grace: int) -> bool | None:
    if state.status == "open":
        # Ages from a week on are one: with a longer grace, the list below has them one by one.
        return state.age is not None and state.age >= min(grace, 7)
    return True if state.status == "unpublished" else None


def _model(selection: Selection, grace: int, content: Reconciliation, following: str | None) -> ReconciliationModel:
    return ReconciliationModel(
        first=selection.first,
        last=selection.last,
        grace_days=grace,
        read_at=content.clock.now,
        watermark=content.clock.watermark,
        states=[CommandStateModel(**one._asdict(), is_due=_is_due_state(one, grace)) for one in content.states],
        open=[_command(one, is_due=_is_due(one, content.clock, grace)) for one in content.open],
        open_found=content.open_found,
        next=following,
        foreign=[ForeignModel(**one._asdict()) for one in content.foreign],
        awaited=[_awaited(one) for one in content.awaited],
        awaited_sums=[_awaited_sum(one) for one in content.sums],
    )


def _command(row: CommandRow, *, is_due: bool) -> CommandModel:
    return CommandModel(
        command_id=row.command_id,
        order_id=row.order_id,
        movement=row.movement,
        decided_at=row.decided_at,
        provider_id=row.provider_id,
        line=row.line,
        amount=row.amount,
        currency=row.currency,
        status=row.status,
        confirmed=row.confirmed,
        failed=row.failed,
        answered_at=row.answered_at,
        is_due=is_due,
    )


def _awaited(one: Awaited) -> AwaitedModel:
    return AwaitedModel(
        order_id=one.order_id,
        what=one.what,
        of=WAIT_KINDS[one.what].of,
        ref=one.ref,
        since=instant(one.since),
        until=None if one.until is None else instant(one.until),
        amount=one.amount,
        currency=one.currency,
        is_due=not one.is_ahead,
    )


def _awaited_sum(one: AwaitedSum) -> AwaitedSumModel:
    return AwaitedSumModel(
        what=one.what,
        of=WAIT_KINDS[one.what].of,
        currency=one.currency,
        is_due=not one.is_ahead,
        since=instant(one.since),
        amount=one.amount,
        waits=one.waits,
    )


@bounded
async def upload(console: Parts, visit: Visit) -> Answer:
    """Hold a list of commands against the journal, line by line. Nothing is stored."""
    raw, fields = await _sent(visit)
    try:
        lists = await console.desk.compute(listed_in, raw)
    except UploadError as error:
        where = sentence("Line {line}, column {column}:", line=error.line, column=error.column)
        return refused(400, sentence("The list can't be read"), where, error.what)
    ids = list(dict.fromkeys(one.command_id for one in lists))
    known: dict[str, CommandRow] = {}
    beside: tuple[list[CommandRow], int] | None = None
    async with console.desk.turn() as histories:
        clock = await histories.clock()
        for begin in range(0, len(ids), IDS_AT_ONCE):
            known |= await commands_by_id(histories.connection, ids[begin : begin + IDS_AT_ONCE], SECONDS)
        selection = None
        if fields.get("from", "").strip() or fields.get("to", "").strip():
            selection = selection_of(fields, clock.now)
            beside = await commands_beside(histories.connection, selection.filter, ids, ROWS, SECONDS)
    found = compared(lists, known)
    differing = [one for one in found if one.finding != SAME]
    context = {
        "found": found,
        "counts": _counts(found),
        "differing": differing[:DIFFERING_MAX],
        "has_more": len(differing) > DIFFERING_MAX,
        "findings": FINDINGS,
        "statuses": STATUS_NAMES,
        "by_status": _statuses(found),
        "beside": beside,
        "selection": selection,
        "movements": MOVEMENT_NAMES,
        "clock": clock,
    }
    return Answer("finance_upload.html", sentence("A list against the journal"), context, lambda _: _compared(found))


def _counts(found: Sequence[Found]) -> dict[str, int]:
    return {name: count for name in FINDINGS if (count := sum(one.finding == name for one in found))}


def _statuses(found: Sequence[Found]) -> Counter[str]:
    return Counter(one.command.status for one in found if one.command is not None and one.finding != "repeated")


def _compared(found: Sequence[Found]) -> ComparedModel:
    differing = [one for one in found if one.finding != SAME]
    return ComparedModel(
        lines=len(found),
        counts=_counts(found),
        differing=[
            UploadedModel(
                line=one.listed.line,
                command_id=one.listed.command_id,
                finding=one.finding,
                command=None
                if one.command is None
                else _command(one.command, is_due=one.command.status in ("open", "unpublished")),
            )
            for one in differing[:DIFFERING_MAX]
        ],
        has_more=len(differing) > DIFFERING_MAX,
    )


async def _sent(visit: Visit) -> tuple[bytes, MultiMapping[str]]:
    """Return the list and the form's fields: as JSON, or by the form as a file or as text."""
    request = visit.request.clone(client_max_size=UPLOAD_BYTES)
    fields: MultiDict[str] = MultiDict()
    if request.content_type == "application/json":
        try:
            sent = UploadRequest.model_validate_json(await request.read())
        except ValidationError:
            raise BadRequestError("Give an object with the list as csv.") from None
        return sent.csv.encode("utf-8", "surrogatepass"), fields
    form = await request.post()
    raw = b""
    for name, value in form.items():
        if isinstance(value, str):
            if name == "csv" and not raw:
                raw = value.encode("utf-8", "surrogatepass")
            elif name != "csv":
                fields.add(name, value)
        elif isinstance(value, FileField) and name == "file" and (content := value.file.read()):
            raw = content
    return raw, fields
