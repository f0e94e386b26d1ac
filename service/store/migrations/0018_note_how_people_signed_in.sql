-- expand
-- Two people are two subjects of one way of signing in. Whoever comes another way may be the same person, and whoever has
-- a one-time link may be anybody. Proposals of an older console have no way: of these the subject alone counts.
alter table console_proposals
    add column requested_way text,
    add column confirmed_way text,
    add constraint console_proposals_two_sign_ins check (not needs_approval or confirmed_by is null
        or (confirmed_way = requested_way and confirmed_way <> 'link')) not valid;
comment on column console_proposals.requested_way is 'How this person signed in: link, oidc, assertion.';
create index console_proposals_confirmed on console_proposals (confirmed_at) where confirmed_at is not null;
-- Repairs whose proposals have ended are looked for often, so that their bytes are soon forgotten.
create index console_proposals_repairs on console_proposals (ends_at) where act = 'repair';
