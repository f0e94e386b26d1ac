-- contract
-- Tables and columns are called as the glossary calls what they hold. Nothing else changes.
alter table fuses rename to circuit_breakers;
alter table circuit_breakers rename column blown_at to opened_at;
alter index fuses_pkey rename to circuit_breakers_pkey;
comment on table circuit_breakers is
    'Topics whose circuit breaker is open: nobody reads them on until the row is gone (breaker reset).';

alter table outbox_brakes rename to outbox_pauses;
alter table outbox_pauses rename column pulled_at to paused_at;
alter table outbox_pauses rename column pulled_by to paused_by;
alter index outbox_brakes_pkey rename to outbox_pauses_pkey;
comment on table outbox_pauses is 'Lanes that publish nothing until the row is gone (outbox resume); -1: all of them.';

comment on table outbox_releases is
    'Up to where a person resumed a lane: what was decided up to there is not held against the refund limit.';
comment on table operator_actions is
    'Append-only: who held, released or retried which order, paused or resumed which lane, reset which circuit breaker.';
comment on table quarantine_actions is 'Append-only: who did what to which quarantined record, and what came of it.';
comment on table erasures is
    'Append-only: of which order, or of which quarantined record, the private members were erased, and how many.';
update operator_actions set what = 'breaker reset' where what = 'fuse reset';

alter table input_agreements rename column lineage to timeline;
comment on table input_agreements is
    'Timelines (system/timeline/database) of this database in which the input''s offsets were held against it.';

alter table input_progress rename column read_up_to to watermark;
comment on column input_progress.watermark is
    'Everything in the partition older than this was handled; null: nothing known yet.';

-- The result of a function can't be renamed.
drop function purchasing_clock(timestamptz);
create function purchasing_clock(heard timestamptz, out instant timestamptz, out watermark timestamptz)
language sql volatile as $$
    select t, case when w is not null then least(t, w) end
    from (select clock_timestamp() as t,
        (select case when count(*) = count(watermark) then min(watermark) end from input_progress) as w) as c
$$;
comment on function purchasing_clock is
    'What the time is, and up to when deadlines have passed: the clock, or how far all input was read, whichever is less; '
    'null while that is not known of every partition. `heard`: the latest event time at hand (test clocks go by it).';
