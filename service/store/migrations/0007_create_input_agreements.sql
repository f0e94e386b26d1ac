-- expand
-- A database that was restored, or failed over to a replica that lagged, may lack what was acknowledged: once for each
-- such change, with nobody at work, the input's offsets are held against it.
create table input_agreements (
    lineage text primary key,
    agreed_at timestamptz not null default now()
);
comment on table input_agreements is
    'Lineages (system/timeline/database) of this database in which the input''s offsets were held against it.';
