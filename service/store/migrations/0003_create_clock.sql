-- expand
-- The clock as a port: all that depends on "now" asks this function. In production it is the server's clock. For tests and
-- the demo only, service/store/substitute_clock.py puts another one in its place, which a role that can't alter the schema can't do.
create function purchasing_clock(heard timestamptz, out instant timestamptz, out horizon timestamptz)
language sql volatile as $$
    select t, case when r is not null then least(t, r) end
    from (select clock_timestamp() as t,
        (select case when count(*) = count(read_up_to) then min(read_up_to) end from input_progress) as r) as c
$$;
comment on function purchasing_clock is
    'What the time is, and up to when deadlines have passed: the clock, or how far all input was read, whichever is less; '
    'null while that is not known of every partition. `heard`: the latest event time at hand (test clocks go by it).';
