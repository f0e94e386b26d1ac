"""Money by day, and each command beside what payments reported of it: for people who reconcile.

Everything is read from the journals when it is asked for. A day is one of Beijing, as the agreement counts days. What a
statement costs grows with the outputs that were decided in its range of days (0017_index_answers_and_money), so each is
bounded: by days, by the statement's timeout and by its rows.
"""

from __future__ import annotations

from datetime import date, datetime, timedelta, timezone
from typing import TYPE_CHECKING, Any, NamedTuple

import asyncpg

from service.store.driver_errors import translated
from service.store.search import is_searchable

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    Connection = asyncpg.Connection[asyncpg.Record]

BEIJING = timezone(timedelta(hours=8))
"""China has had no summer time since 1991."""

MOVEMENTS = ("refund", "deduction", "transfer", "hold")
"""The movements of commands with an amount: sums of one are never added to sums of another."""

STATUSES = ("unpublished", "open", "confirmed", "partly_failed", "failed", "no_answer")
"""Of a command. `no_answer`: none is foreseen unless it fails (transfers, holds, releases)."""

GROUPINGS = ("day", "provider", "line", "clauses")
"""The groups of money, beside currency and movement."""

WINDOW = 5_000
"""Outputs that one statement of an export looks at."""


class TooMuchError(Exception):
    """A statement would take longer than its reader can wait: ask for fewer days."""


class MoneyFilter(NamedTuple):
    """Selection of money: decided from `since` until before `until`; None: any."""

    since: datetime | None = None
    until: datetime | None = None
    provider: str | None = None
    currency: str | None = None
    line: str | None = None
    """Kind of line: `purchase`, `tip` and so on, without what stands behind a colon."""
    clause: str | None = None
    """Number or address of a clause that the command cites: `12`, `12(1)A`."""
    movement: str | None = None

    @property
    def is_possible(self) -> bool:
        """Whether anything can match: the database holds no such text otherwise."""
        given = (self.provider, self.currency, self.line, self.clause, self.movement)
        return all(one is None or is_searchable(one) for one in given)


class Sums(NamedTuple):
    """Money of one group, in minor units of its currency.

    due = commanded + elsewhere - failed - repaid - demanded + withheld, by the journals.
    """

    commanded: int = 0
    published: int = 0
    confirmed: int = 0
    failed: int = 0
    """Reported as failed; of refunds to payments, it is commanded again to another destination."""
    undeliverable: int = 0
    """Standing decisions: what failed on its last way, so people handle it."""
    withheld: int = 0
    held: int = 0
    """Holds on buyers' accounts that stand."""
    demanded: int = 0
    elsewhere: int = 0
    repaid: int = 0
    due: int = 0
    commands: int = 0


class MoneyRow(NamedTuple):
    """A group's money. What is not grouped by is None."""

    currency: str
    movement: str
    day: date | None
    provider: str | None
    line: str | None
    clauses: str | None
    """All addresses that the commands cite, separated by commas: money is counted once, under all of them."""
    sums: Sums


class MoneyTable(NamedTuple):
    """A page of groups, with the totals of all groups."""

    rows: Sequence[MoneyRow]
    totals: Sequence[MoneyRow]
    days: Sequence[MoneyRow]
    """Sums per day, currency and movement, where money is grouped by day."""
    groups: int
    """The number of groups on all pages."""


class CommandRow(NamedTuple):
    """One command beside what was reported of it."""

    order_id: str
    order_version: int
    lane: int
    position: int
    command_id: str
    movement: str
    """One of MOVEMENTS, or `release`, which has no amount."""
    decided_at: datetime
    day: date
    provider_id: str
    terms_version: str
    line: str | None
    amount: int | None
    currency: str | None
    destination: str | None
    payment_id: str | None
    ref: str | None
    """The deduction's or hold's id."""
    clauses: tuple[str, ...]
    is_published: bool
    status: str
    """One of STATUSES."""
    confirmed: int
    failed: int
    answered_at: datetime | None
    """The instant of the latest answer."""


class CommandPlace(NamedTuple):
    """The place of a command among all, by age. It stays whatever becomes of the others."""

    decided_at: datetime
    lane: int
    position: int


_BEIJING_DAY = "(({}) at time zone interval '8 hours')::date"
_ANSWERS = """('purchasing.payment.refund_succeeded.v1', 'purchasing.payment.refund_failed.v1',
    'purchasing.payment.transfer_failed.v1', 'purchasing.payment.deposit_deducted.v1',
    'purchasing.payment.deposit_insufficient.v1', 'purchasing.payment.funds_deducted.v1',
    'purchasing.payment.funds_insufficient.v1', 'purchasing.payment.freeze_refused.v1')"""
_ANSWERED = "coalesce({0}.data ->> 'command_id', {0}.data ->> 'deduction_id', {0}.data ->> 'hold_id')"

# Of a refund's failures the earliest counts, of a deduction's answers the latest (docs/rules.md, Appendix B). An amount
# in another currency counts by how it was booked, or not at all: then nobody knows by how much it failed.
_COMMANDS = f"""
select c.order_id, c.order_version, c.lane, c.position, c.id as command_id, c.movement, c.decided_at,
    {_BEIJING_DAY.format("c.decided_at")} as day, c.provider_id, c.terms_version, c.line, c.amount, c.currency,
    c.destination, c.payment_id, c.ref, c.clauses, c.is_published,
    case when not c.is_published then 'unpublished'
        when s.failed >= c.amount and s.failed > 0 then 'failed' when s.failed > 0 then 'partly_failed'
        when s.confirmed > 0 then 'confirmed'
        when a.answers > 0 and c.movement in ('refund', 'deduction') then 'failed'
        when c.movement in ('refund', 'deduction') then 'open' else 'no_answer' end as status,
    s.confirmed, s.failed, a.answered_at, c.hold_of
from (
    select o.order_id, o.order_version, o.lane, o.position, o.id, o.decided_at,
        o.position <= coalesce(n.position, 0) as is_published,
        case o.topic when 'purchasing.commands.refund.v1' then 'refund'
            when 'purchasing.commands.deduction.v1' then 'deduction'
            when 'purchasing.commands.brokerage-transfer.v1' then 'transfer'
            else case when d.amount is null then 'release' else 'hold' end end as movement,
        d.provider_id, d.terms_version,
        coalesce(d.line, case when o.topic = 'purchasing.commands.freeze.v1' then 'chargeback:' || d.ref
            else 'brokerage' end) as line,
        (d.amount ->> 'value')::bigint as amount, d.amount ->> 'currency' as currency, d.destination, d.payment_id,
        coalesce(d.deduction_id, d.hold_id) as ref,
        case o.topic when 'purchasing.commands.freeze.v1' then d.ref end as hold_of,
        array(select distinct b ->> 'clause' from jsonb_array_elements(d.basis) as b order by 1) as clauses,
        case o.topic when 'purchasing.commands.deduction.v1' then d.deduction_id
            when 'purchasing.commands.freeze.v1' then case when d.amount is not null then d.hold_id end
            else o.id end as answered
    from outbox o left join relay_notes n on n.lane = o.lane
    cross join lateral jsonb_to_record(convert_from(o.value, 'UTF8')::jsonb -> 'data') as d (provider_id text,
        terms_version text, line text, amount jsonb, destination text, payment_id text, deduction_id text,
        hold_id text, ref text, basis jsonb)
    where o.topic in ('purchasing.commands.refund.v1', 'purchasing.commands.deduction.v1',
        'purchasing.commands.brokerage-transfer.v1', 'purchasing.commands.freeze.v1') and {{where}}
) as c
cross join lateral (
    select count(*) as answers, max(f.at) as answered_at,
        bool_or(f.type = 'purchasing.payment.refund_succeeded.v1') as has_succeeded,
        bool_or(f.type = 'purchasing.payment.freeze_refused.v1') as is_refused,
        (array_agg(case when f.data #>> '{{{{amount,currency}}}}' = c.currency
                then (f.data #>> '{{{{amount,value}}}}')::bigint else 0 end
            order by f.at, f.source, f.id) filter (where f.type in ('purchasing.payment.refund_failed.v1',
                'purchasing.payment.transfer_failed.v1')))[1] as failed,
        (array_agg(case when coalesce(f.data -> 'amount', f.data -> 'deducted') ->> 'currency' = c.currency
                then (coalesce(f.data -> 'amount', f.data -> 'deducted') ->> 'value')::bigint
                when f.data #>> '{{{{settled,currency}}}}' = c.currency
                then (f.data #>> '{{{{settled,value}}}}')::bigint else 0 end
            order by f.at desc, f.source desc, f.id desc) filter (where f.type in (
                'purchasing.payment.deposit_deducted.v1', 'purchasing.payment.deposit_insufficient.v1',
                'purchasing.payment.funds_deducted.v1', 'purchasing.payment.funds_insufficient.v1')))[1] as deducted
    from facts f where {_ANSWERED.format("f")} = c.answered and f.order_id = c.order_id and f.type in {_ANSWERS}
) as a
cross join lateral (
    select case c.movement when 'refund' then case when a.has_succeeded
                then c.amount - least(c.amount, coalesce(a.failed, 0)) else 0 end
            when 'deduction' then coalesce(a.deducted, 0) else 0 end as confirmed,
        case c.movement when 'deduction' then greatest(0, c.amount - coalesce(a.deducted, c.amount))
            when 'hold' then case when a.is_refused then c.amount else 0 end
            when 'release' then 0 else least(c.amount, coalesce(a.failed, 0)) end as failed
) as s
"""  # noqa: S608 - constants
_MATCHES = """($3::text is null or {0}.provider_id = $3) and ($4::text is null or {0}.currency = $4)
    and ($5::text is null or split_part({0}.line, ':', 1) = $5)
    and ($6::text is null or exists (select from unnest({0}.clauses) as k
        where k = $6 or substring(k from '^[0-9]+') = $6))
    and ($7::text is null or {0}.movement = $7)"""
_RANGE = "o.decided_at >= $1 and o.decided_at < $2"

# A standing decision: the latest of its order, kind and ref. The words of its kind stand in the record as they are, and
# looking for them is much cheaper than parsing every decision. A scalar subquery looks for each by the index; of `not
# exists`, the planner would make a join with the whole outbox.
_STANDING = """
select o.order_id, o.decided_at, d.provider_id, d.amount ->> 'currency' as currency,
    (d.amount ->> 'value')::bigint as amount, d.kind, d.ref as line,
    array(select distinct b ->> 'clause' from jsonb_array_elements(d.basis) as b order by 1) as clauses,
    case d.kind when 'brokerage_withheld' then 'transfer' else 'refund' end as movement
from outbox o
cross join lateral jsonb_to_record(convert_from(o.value, 'UTF8')::jsonb -> 'data')
    as d (provider_id text, amount jsonb, kind text, ref text, outcome text, basis jsonb)
where o.topic = 'purchasing.decisions.v1' and o.decided_at >= $1 and o.decided_at < $2
    and (position('_withheld'::bytea in o.value) > 0 or position('refund_undeliverable'::bytea in o.value) > 0
        or position('repayment_demand'::bytea in o.value) > 0)
    and d.kind in ('refund_withheld', 'refund_undeliverable', 'repayment_demand', 'brokerage_withheld')
    and d.outcome in ('withheld', 'noted', 'demanded')
    and (select l.order_version from outbox l
        where l.order_id = o.order_id and l.order_version > o.order_version and l.topic = 'purchasing.decisions.v1'
            and position(convert_to(d.kind, 'UTF8') in l.value) > 0
            and convert_from(l.value, 'UTF8')::jsonb #>> '{data,kind}' = d.kind
            and convert_from(l.value, 'UTF8')::jsonb #>> '{data,ref}' = d.ref limit 1) is null
"""
# What moved without a command. Of several messages with one id the earliest counts. On `owed` and on a chargeback's
# line a repayment means something else (docs/rules.md, R22).
_OTHERWISE = """
select f.order_id, f.received_at as decided_at, p.provider_id, m.currency, m.amount, f.type, f.data ->> 'line' as line,
    '{}'::text[] as clauses, 'refund' as movement
from facts f
cross join lateral (
    select one ->> 'currency' as currency, (one ->> 'value')::bigint as amount
    from (select coalesce(f.data -> 'settled', f.data -> 'amount')) as s (one)
) as m
left join lateral (
    select data ->> 'provider_id' as provider_id from facts p
    where p.order_id = f.order_id and p.type = 'purchasing.order.placed.v1' order by p.at, p.source, p.id limit 1
) as p on true
where f.type in ('purchasing.payment.refunded_elsewhere.v1', 'purchasing.payment.repayment_received.v1')
    and f.received_at >= $1 and f.received_at < $2
    and (f.type = 'purchasing.payment.refunded_elsewhere.v1'
        or f.data ->> 'line' <> 'owed' and f.data ->> 'line' not like 'chargeback:%')
    and (select e.id from facts e where e.order_id = f.order_id and e.type = f.type
            and coalesce(e.data ->> 'refund_id', e.data ->> 'repayment_id')
                = coalesce(f.data ->> 'refund_id', f.data ->> 'repayment_id')
            and (e.at, e.source, e.id) < (f.at, f.source, f.id) limit 1) is null
"""
# A hold stands while no later command of its chargeback replaced it without being refused, or released it.
_STANDS = f"""
c.movement = 'hold' and c.failed = 0 and not exists (
    select from outbox l
    cross join lateral (select convert_from(l.value, 'UTF8')::jsonb -> 'data' as data) as v
    where l.order_id = c.order_id and l.order_version > c.order_version and l.topic = 'purchasing.commands.freeze.v1'
        and v.data ->> 'ref' = c.hold_of and (v.data -> 'amount' is null or not exists (
            select from facts f where {_ANSWERED.format("f")} = v.data ->> 'hold_id' and f.order_id = l.order_id
                and f.type = 'purchasing.payment.freeze_refused.v1' and f.type in {_ANSWERS})))
"""  # noqa: S608 - constants
# For a range of days that archived orders reach into. In a statement, these names hide the tables; the statement is
# otherwise the same. Of other archived orders nothing is read.
_AND_ARCHIVE = """
with outbox as not materialized (
    select lane, position, order_id, order_version, topic, id, value, decided_at from outbox
    union all
    select lane, position, order_id, order_version, topic, id, value, decided_at from archived_output_rows
    where order_last_at >= $1 and order_first_at < $2
), facts as not materialized (
    select order_id, source, id, at, type, data, received_at from facts
    union all
    select order_id, source, id, at, type, data, received_at from archived_fact_rows
    where order_last_at >= $1 and order_first_at < $2
)
"""
_OF_THESE = """order_id in (
        select order_id from archived_orders
        where ids && array(select purchasing_order_hash(one) from unnest($1::text[]) as n (one)))"""
_BY_ID_AND_ARCHIVE = _AND_ARCHIVE.replace("order_last_at >= $1 and order_first_at < $2", _OF_THESE)
_ARCHIVED = """
select count(*) from archived_orders
where last_at >= coalesce($1::timestamptz, '-infinity') and first_at < coalesce($2::timestamptz, 'infinity')
"""
_ZERO = ", ".join(["0::numeric"] * 10)
_MONEY = f"""
with entries as (
    select c.day, c.provider_id, c.currency, c.movement, split_part(c.line, ':', 1) as line, c.clauses,
        c.amount as commanded, case when c.is_published then c.amount else 0 end as published, c.confirmed, c.failed,
        0 as undeliverable, 0 as withheld, case when {_STANDS} then c.amount else 0 end as held, 0 as demanded,
        0 as elsewhere, 0 as repaid,
        case when c.movement = 'refund' then c.amount - case when c.payment_id is null then 0 else c.failed end
            else 0 end as due, 1 as commands
    from ({_COMMANDS.format(where=_RANGE)}) as c where c.movement <> 'release' and {_MATCHES.format("c")}
    union all
    select {_BEIJING_DAY.format("s.decided_at")}, s.provider_id, s.currency, s.movement, split_part(s.line, ':', 1),
        s.clauses, 0, 0, 0, 0, case s.kind when 'refund_undeliverable' then s.amount else 0 end,
        case when s.kind in ('refund_withheld', 'brokerage_withheld') then s.amount else 0 end, 0,
        case s.kind when 'repayment_demand' then s.amount else 0 end, 0, 0,
        case s.kind when 'refund_withheld' then s.amount when 'repayment_demand' then -s.amount else 0 end, 0
    from ({_STANDING}) as s where s.amount > 0 and {_MATCHES.format("s")}
    union all
    select {_BEIJING_DAY.format("m.decided_at")}, m.provider_id, m.currency, m.movement, split_part(m.line, ':', 1),
        m.clauses, 0, 0, 0, 0, 0, 0, 0, 0,
        case m.type when 'purchasing.payment.refunded_elsewhere.v1' then m.amount else 0 end,
        case m.type when 'purchasing.payment.repayment_received.v1' then m.amount else 0 end,
        case m.type when 'purchasing.payment.refunded_elsewhere.v1' then m.amount else -m.amount end, 0
    from ({_OTHERWISE}) as m where {_MATCHES.format("m")}
), grouped as materialized (
    select currency, movement, case when $8 then day end as day, case when $9 then provider_id end as provider,
        case when $10 then line end as line, case when $11 then array_to_string(clauses, ', ') end as clauses,
        sum(commanded) as commanded, sum(published) as published, sum(confirmed) as confirmed, sum(failed) as failed,
        sum(undeliverable) as undeliverable, sum(withheld) as withheld, sum(held) as held, sum(demanded) as demanded,
        sum(elsewhere) as elsewhere, sum(repaid) as repaid, sum(due) as due, sum(commands) as commands
    from entries group by 1, 2, 3, 4, 5, 6
), summed as (
    select grouping(day) as no_day, currency, movement, day, null::text as provider, null::text as line,
        null::text as clauses, sum(commanded), sum(published), sum(confirmed), sum(failed), sum(undeliverable),
        sum(withheld), sum(held), sum(demanded), sum(elsewhere), sum(repaid), sum(due), sum(commands),
        count(*) as groups
    from grouped group by grouping sets ((currency, movement), (currency, movement, day))
)
select 'total' as what, s.* from summed s where no_day = 1
union all select 'day', s.* from summed s where no_day = 0 and $8
union all (select 'row', 0, g.*, 1 from grouped g
    order by day desc, currency, movement, provider, line, clauses offset $12 limit $13)
"""  # noqa: S608 - constants

_IN_LANE = """o.lane = $8 and o.position > $9 and o.position <= $10
    and o.decided_at >= coalesce($1::timestamptz, '-infinity')
    and o.decided_at < coalesce($2::timestamptz, 'infinity')"""
_OF_COMMANDS = """order_id, order_version, lane, position, command_id, movement, decided_at, day, provider_id,
    terms_version, line, amount, currency, destination, payment_id, ref, clauses, is_published, status, confirmed,
    failed, answered_at"""
_WINDOW = f"""
select {_OF_COMMANDS} from ({_COMMANDS.format(where=_IN_LANE)}) as c
where {_MATCHES.format("c")} order by c.position
"""  # noqa: S608 - constants
_BY_ID = f"select {_OF_COMMANDS} from ({_COMMANDS.format(where='o.id = any($1::text[])')}) as c"  # noqa: S608 - constants
_OPEN = f"""
with found as materialized (
    select {_OF_COMMANDS} from ({_COMMANDS.format(where=_RANGE)}) as c
    where c.status in ('unpublished', 'open', 'failed', 'partly_failed') and {_MATCHES.format("c")}
)
select c.*, n.found from (select count(*) as found from found) as n left join (
    select * from found where $8::timestamptz is null or (decided_at, lane, position) > ($8, $9::integer, $10::bigint)
    order by decided_at, lane, position limit $11
) as c on true order by c.decided_at, c.lane, c.position
"""  # noqa: S608 - constants
_MISSING = f"""
select {_OF_COMMANDS}, count(*) over () as found from ({_COMMANDS.format(where=_RANGE)}) as c
where c.movement <> 'release' and c.is_published and {_MATCHES.format("c")} and not c.command_id = any($8::text[])
order by c.decided_at, c.lane, c.position limit $9
"""  # noqa: S608 - constants
_STATE_OF_COMMANDS = f"""
select c.currency, c.movement, c.status,
    case when c.status in ('unpublished', 'open')
        then least(7, floor(extract(epoch from $8::timestamptz - c.decided_at) / 86400))::int end as age,
    count(*) as commands, sum(c.amount) as amount, sum(c.failed) as failed
from ({_COMMANDS.format(where=_RANGE)}) as c
where c.movement <> 'release' and {_MATCHES.format("c")}
group by 1, 2, 3, 4 order by 1, 2, 3, 4
"""  # noqa: S608 - constants
_PLACED = """
select order_id from facts
where type = 'purchasing.order.placed.v1' and ($3::text[] is null or data ->> 'provider_id' = any($3))
    and received_at >= $1 and received_at < $2
order by received_at desc, order_id limit $4
"""
_LANES = """
select l.lane, coalesce(b.first, 1) - 1, coalesce(b.last, 0)
from lanes l left join lateral (
    select min(o.position) as first, max(o.position) as last from outbox o
    where o.lane = l.lane and o.decided_at >= coalesce($1::timestamptz, '-infinity')
        and o.decided_at < coalesce($2::timestamptz, 'infinity')
) as b on true where $1::timestamptz is not null or $2::timestamptz is not null
union all
select l.lane, 0, l.position from lanes l where $1::timestamptz is null and $2::timestamptz is null
order by 1
"""
_FOREIGN = f"""
select f.order_id, f.source, f.id, f.type, f.received_at, {_ANSWERED.format("f")} as names
from facts f
where f.received_at >= $1 and f.received_at < $2 and f.type in {_ANSWERS}
    and (select o.position from outbox o
        where o.id = {_ANSWERED.format("f")} and o.order_id || '' = f.order_id limit 1) is null
    and (f.type in ('purchasing.payment.refund_succeeded.v1', 'purchasing.payment.refund_failed.v1',
            'purchasing.payment.transfer_failed.v1')
        or (select o.position from outbox o
            cross join lateral (select convert_from(o.value, 'UTF8')::jsonb -> 'data' as data) as v
            where o.order_id = f.order_id
                and o.topic in ('purchasing.commands.deduction.v1', 'purchasing.commands.freeze.v1')
                and {_ANSWERED.format("f")} in (v.data ->> 'deduction_id', v.data ->> 'hold_id') limit 1) is null)
order by f.received_at, f.source, f.id limit $3
"""  # noqa: S608 - constants
_AWAITED = """
with waits as materialized (
    select o.order_id, w.what, coalesce(w.ref, '') as ref, w.since, w.until, w.amount, w.currency,
        w.until is not null and w.until >= $2 as is_ahead
    from orders o, json_to_recordset(o.waits)
        as w (what text, ref text, since bigint, until bigint, amount bigint, currency text)
    where o.is_waiting and w.what = any($1::text[]) and ($3::text is null or w.currency = $3)
)
(select 'sum' as kind, null::text as order_id, what, null::text as ref, min(since), null::bigint, sum(amount), currency,
    is_ahead, count(*) from waits group by what, currency, is_ahead)
union all
(select 'one', order_id, what, ref, since, until, amount, currency, is_ahead, 1 from waits
    order by is_ahead, since, order_id limit $4)
"""


class StateRow(NamedTuple):
    """Commands of one currency, movement, status and age."""

    currency: str
    movement: str
    status: str
    age: int | None
    """Whole days since the decision, at most 7; None where nothing is awaited."""
    commands: int
    amount: int
    failed: int


class ForeignAnswer(NamedTuple):
    """A report of payments that names no command of its order."""

    order_id: str
    source: str
    id: str
    type: str
    received_at: datetime
    names: str | None


class AwaitedSum(NamedTuple):
    """The sum that is awaited of a kind and currency. `is_ahead`: its last instant has not passed yet."""

    what: str
    currency: str | None
    is_ahead: bool
    since: int
    """The beginning of the oldest, in microseconds."""
    amount: int | None
    waits: int


class Awaited(NamedTuple):
    """An amount that one order awaits from somebody who owes it."""

    order_id: str
    what: str
    ref: str
    since: int
    until: int | None
    amount: int | None
    currency: str | None
    is_ahead: bool


class LaneRange(NamedTuple):
    """Positions of a lane: those after `after`, to `last`. What is decided later is not in it."""

    lane: int
    after: int
    last: int

    @property
    def outputs(self) -> int:
        """The number of outputs."""
        return max(0, self.last - self.after)


def beijing_midnight(day: date) -> datetime:
    """Return the first instant of a day of Beijing."""
    return datetime(day.year, day.month, day.day, tzinfo=BEIJING)


async def money(
    connection: Connection, which: MoneyFilter, by: Collection[str], offset: int, limit: int, seconds: float
) -> MoneyTable:
    """Return a page of groups of the money decided in a range of days. Raises TooMuchError, StoreError."""
    assert which.since is not None
    assert which.until is not None
    if not which.is_possible:
        return MoneyTable([], [], [], 0)
    grouped = [one in by for one in GROUPINGS]
    rows = await _in_range(connection, _MONEY, seconds, *which, *grouped, offset, limit)
    found: dict[str, list[MoneyRow]] = {"row": [], "total": [], "day": []}
    groups = 0
    for row in rows:
        currency, movement, day, provider, line, clauses = tuple(row)[2:8]
        sums = Sums(*(int(one) for one in tuple(row)[8:20]))
        found[row[0]].append(MoneyRow(currency or "", movement, day, provider, line, clauses, sums))
        groups += row[20] if row[0] == "total" else 0
    totals, days = (sorted(found[name], key=lambda one: one[:3]) for name in ("total", "day"))
    return MoneyTable(found["row"], totals, days, groups)


async def state_of_commands(
    connection: Connection, which: MoneyFilter, now: datetime, seconds: float
) -> list[StateRow]:
    """Return how far the commands of a range of days are. Raises TooMuchError, StoreError."""
    if not which.is_possible:
        return []
    rows = await _in_range(connection, _STATE_OF_COMMANDS, seconds, *which, now)
    return [StateRow(row[0] or "", row[1], row[2], row[3], row[4], int(row[5] or 0), int(row[6] or 0)) for row in rows]


async def open_commands(
    connection: Connection, which: MoneyFilter, after: CommandPlace | None, limit: int, seconds: float
) -> tuple[list[CommandRow], int]:
    """Return commands that are not executed as far as payments reported, oldest first, and how many there are. `after`:
    only those that come after this place. Raises TooMuchError, StoreError.
    """
    if not which.is_possible:
        return [], 0
    rows = await _in_range(connection, _OPEN, seconds, *which, *(after or (None, None, None)), limit)
    return [_command(row) for row in rows if row["command_id"] is not None], rows[0]["found"]


async def foreign_answers(
    connection: Connection, since: datetime, until: datetime, limit: int, seconds: float
) -> list[ForeignAnswer]:
    """Return reports received in a range that name no command of their order. Raises TooMuchError, StoreError."""
    return [ForeignAnswer(*row) for row in await _in_range(connection, _FOREIGN, seconds, since, until, limit)]


async def awaited_money(
    connection: Connection, kinds: Sequence[str], now: int, currency: str | None, limit: int, seconds: float
) -> tuple[list[AwaitedSum], list[Awaited]]:
    """Return what orders await of these kinds (R21): sums, and the oldest, those that are not due yet at the end.

    `now` in microseconds. Raises TooMuchError, StoreError.
    """
    rows = await _bounded(connection, _AWAITED, seconds, list(kinds), now, currency, limit)
    sums, each = [], []
    for kind, order_id, what, ref, since, until, amount, unit, is_ahead, count in rows:
        total = None if amount is None else int(amount)
        if kind == "sum":
            sums.append(AwaitedSum(what, unit, is_ahead, since, total, count))
        else:
            each.append(Awaited(order_id, what, ref, since, until, total, unit, is_ahead))
    return sums, each


async def commands_by_id(connection: Connection, ids: Sequence[str], seconds: float) -> dict[str, CommandRow]:
    """Return the commands with these ids. Raises TooMuchError, StoreError."""
    wanted = [one for one in ids if is_searchable(one)]
    rows = await _bounded(connection, _BY_ID_AND_ARCHIVE + _BY_ID, seconds, wanted)
    return {row["command_id"]: _command(row) for row in rows}


async def commands_beside(
    connection: Connection, which: MoneyFilter, ids: Sequence[str], limit: int, seconds: float
) -> tuple[list[CommandRow], int]:
    """Return published commands of a range that are not among these, oldest first, and how many there are.

    Raises TooMuchError, StoreError.
    """
    if not which.is_possible:
        return [], 0
    known = [one for one in ids if is_searchable(one)]
    rows = await _in_range(connection, _MISSING, seconds, *which, known, limit)
    return [_command(row) for row in rows], rows[0]["found"] if rows else 0


async def placed_orders(
    connection: Connection, providers: Sequence[str] | None, which: MoneyFilter, limit: int, seconds: float
) -> list[str]:
    """Return the latest orders of these providers (None: all) that were placed in a range of days.

    Raises TooMuchError, StoreError.
    """
    rows = await _in_range(connection, _PLACED, seconds, which.since, which.until, providers, limit)
    return list(dict.fromkeys(row[0] for row in rows))


async def lane_ranges(connection: Connection, which: MoneyFilter) -> list[LaneRange]:
    """Return where the outputs of a range of days are now. Raises StoreError."""
    async with translated():
        rows = await connection.fetch(_LANES, which.since, which.until)
    return [LaneRange(*row) for row in rows]


async def commands_in(connection: Connection, which: MoneyFilter, lane: int, after: int, last: int) -> list[CommandRow]:
    """Return the commands among a few outputs of a lane, by position. Raises StoreError."""
    if not which.is_possible:
        return []
    async with translated():
        rows = await connection.fetch(_WINDOW, *which, lane, after, last)
    return [_command(row) for row in rows]


def windows(ranges: Sequence[LaneRange]) -> Sequence[LaneRange]:
    """Return the ranges cut into pieces of at most WINDOW outputs."""
    return [
        LaneRange(one.lane, after, min(after + WINDOW, one.last))
        for one in ranges
        for after in range(one.after, one.last, WINDOW)
    ]


def _command(row: asyncpg.Record) -> CommandRow:
    return CommandRow._make((*tuple(row)[:16], tuple(row[16]), *tuple(row)[17:22]))


async def archived_orders(connection: Connection, which: MoneyFilter) -> int:
    """Return how many archived orders reach into a range of days. Raises StoreError."""
    async with translated():
        return int(await connection.fetchval(_ARCHIVED, which.since, which.until))


async def _in_range(connection: Connection, statement: str, seconds: float, *arguments: Any) -> list[asyncpg.Record]:
    """Fetch as `_bounded` does, from archived orders too. The first two arguments are the range of days."""
    return await _bounded(connection, statement, seconds, *arguments, and_archive=True)


def _and_archive(statement: str) -> str:
    # An archived output is found by its order, not by its id.
    own = statement.lstrip().replace("o.order_id || '' =", "o.order_id =")
    return _AND_ARCHIVE + (f", {own[5:]}" if own.startswith("with ") else own)


async def _bounded(
    connection: Connection, statement: str, seconds: float, *arguments: Any, and_archive: bool = False
) -> list[asyncpg.Record]:
    """Fetch within so many seconds. Raises TooMuchError, StoreError."""
    try:
        async with translated(), connection.transaction(isolation="repeatable_read", readonly=True):
            # One process of the server: the others are for those who move money.
            await connection.execute(
                f"set local statement_timeout = {max(1, int(seconds * 1000))};"
                "set local max_parallel_workers_per_gather = 0"
            )
            # In the same transaction, or an order archived in between would be in neither.
            if and_archive and await connection.fetchval(_ARCHIVED, *arguments[:2]):
                statement = _and_archive(statement)
            return await _fetched(connection, statement, seconds, arguments)
    except _TimedOutError:
        raise TooMuchError from None


class _TimedOutError(Exception):
    """The statement's time is over."""


async def _fetched(
    connection: Connection, statement: str, seconds: float, arguments: Sequence[Any]
) -> list[asyncpg.Record]:
    try:
        return await connection.fetch(statement, *arguments, timeout=seconds + 1.0)
    except asyncpg.QueryCanceledError:
        raise _TimedOutError from None
