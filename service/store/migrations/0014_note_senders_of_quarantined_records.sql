-- expand
-- So that quarantined records can be grouped by their sender without reading their content. Records of before, and those
-- of workers of an earlier version, have none.
alter table quarantine add column source text;
comment on column quarantine.source is
    'The CloudEvents source, where it can be read and is short enough; null: not. Whatever the sender wrote, so any text.';
