-- expand
create table terms (
    provider_id text collate "C" not null,
    version text collate "C" not null,
    effective_from timestamptz not null,
    declared json not null,
    imported_at timestamptz not null default clock_timestamp(),
    primary key (provider_id, version),
    unique (provider_id, effective_from),
    check (effective_from > imported_at)
);
comment on table terms is
    'Append-only: what providers and the platform (*) declared. In force in the future only, so what bound an order stays.';
comment on column terms.declared is 'The terms by name; a rate is a fraction such as "1/500".';
