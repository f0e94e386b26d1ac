-- contract
-- A fact was received, it was not heard. Nothing else changes; indexes on the column follow it.
alter table facts rename column heard_at to received_at;
comment on column facts.nth is 'Counts, from 1, in the order in which the service received the order''s facts.';
comment on column orders.held_at is
    'Since when the order is halted by an operator: it stores facts and decides nothing.';

-- A parameter of a function can't be renamed.
drop function purchasing_clock(timestamptz);
create function purchasing_clock(latest timestamptz, out instant timestamptz, out watermark timestamptz)
language sql volatile as $$
    select t, case when w is not null then least(t, w) end
    from (select clock_timestamp() as t,
        (select case when count(*) = count(watermark) then min(watermark) end from input_progress) as w) as c
$$;
comment on function purchasing_clock is
    'What the time is, and up to when deadlines have passed: the clock, or how far all input was read, whichever is less; '
    'null while that is not known of every partition. `latest`: the latest event time of the batch (test clocks go by it).';
