-- expand
-- A database that was restored, or failed over to a replica that lagged, may lack what was acknowledged: once for each
-- such change, with nobody at work, the input's offsets are held against it.
alter table installation add column input_agrees_in text;
comment on column installation.input_agrees_in is
    'Lineage (system/timeline/database) in which the input''s offsets were last held against this database; null: in none yet.';
