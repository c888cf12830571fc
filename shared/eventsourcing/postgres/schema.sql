-- The tables of the runtime, the same in every service's database.
-- Appends write whole rows of lane, log, stream and reminder: who adds a column to one stops the older processes first.

create table lane (
    lane smallint primary key,
    head bigint not null default 0,
    chain_hash bytea not null
) with (fillfactor = 50);
comment on table lane is 'One row a lane: raising the head inside the append makes commit order equal position order.';

insert into lane (lane, head, chain_hash)
select number, 0, decode(repeat('00', 32), 'hex')
from generate_series(0, 63) as number;

create table log (
    lane smallint not null,
    position bigint not null,
    id uuid not null,
    kind text not null check (kind in ('event', 'command')),
    type text not null,
    topic text not null,
    stream text not null,
    version bigint not null,
    partition_key text not null,
    correlation_id text not null,
    causation_id uuid not null,
    actor text not null,
    reason text not null,
    occurred_at timestamptz not null,
    recorded_at timestamptz not null,
    traceparent text not null,
    payload json not null,
    hash bytea not null,
    primary key (lane, position)
);
comment on table log is 'Events and outgoing commands in lane order; it is the outbox as well.';
create unique index log_stream on log (stream, version) where kind = 'event';
create index log_correlation on log (correlation_id);

create table stream (
    stream text collate "C" primary key,
    version bigint not null,
    state json not null
) with (fillfactor = 70);
comment on table stream is 'The folded state of each stream; always the fold of its events.';

create table inbox (
    message_id uuid primary key,
    source text not null,
    lane smallint not null,
    digest bytea not null,
    reply text not null default '',
    received_at timestamptz not null
);
comment on table inbox is 'Message ids that were taken; the same id is never decided twice.';

create table reminder (
    id uuid primary key,
    due_at timestamptz not null,
    type text not null,
    payload json not null,
    partition_key text not null,
    correlation_id text not null,
    actor text not null,
    traceparent text not null
);
comment on table reminder is 'Messages of the service to itself, due at a time.';
create index reminder_due on reminder (due_at, id);
create index reminder_correlation on reminder (correlation_id);

create table parked (
    number bigint generated always as identity primary key,
    id uuid not null unique,
    key text not null,
    blocking boolean not null,
    message_id uuid not null,
    source text not null,
    type text not null,
    payload bytea not null,
    correlation_id text not null,
    actor text not null,
    explanation text not null,
    origin json not null,
    parked_at timestamptz not null
);
comment on table parked is 'Messages that could not be decided, and what queues behind them.';
create index parked_key on parked (key, number);

create table discarded (
    number bigint generated always as identity primary key,
    id uuid not null unique,
    key text not null,
    blocking boolean not null,
    message_id uuid not null,
    source text not null,
    type text not null,
    payload bytea not null,
    correlation_id text not null,
    actor text not null,
    explanation text not null,
    origin json not null,
    parked_at timestamptz not null,
    discarded_at timestamptz not null,
    discarded_by text not null,
    discarded_because text not null
);
comment on table discarded is 'Parked messages that a person decided to drop, with who and why.';

create table instance (
    owner text primary key,
    expires_at timestamptz not null
);
comment on table instance is 'Running instances of the service, to share out the lanes.';

create table reader (
    reader text not null,
    lane smallint not null,
    position bigint not null default 0,
    owner text not null default '',
    epoch bigint not null default 0,
    expires_at timestamptz not null default '-infinity',
    primary key (reader, lane)
) with (fillfactor = 50);
comment on table reader is 'How far each reader is in each lane, and who holds the lane until when.';

create table view_row (
    view text not null,
    key text collate "C" not null,
    row jsonb not null,
    primary key (view, key)
);
comment on table view_row is 'Rows of views, each view with its version.';
create index view_row_status on view_row (view, (row ->> 'status'));
