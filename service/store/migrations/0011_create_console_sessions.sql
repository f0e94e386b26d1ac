-- expand
create table console_sessions (
    id_hash bytea primary key,
    subject text not null,
    name text not null,
    groups text[] not null,
    way text not null check (way in ('link', 'oidc')),
    signed_in_at timestamptz not null default clock_timestamp(),
    seen_at timestamptz not null default clock_timestamp(),
    ends_at timestamptz not null
);
comment on table console_sessions is
    'Who is signed in at the console. Only the SHA-256 of the random id in the cookie stands here.';
comment on column console_sessions.ends_at is 'When the session ends however much it is used; unused it ends sooner.';
create index console_sessions_end on console_sessions (ends_at);
