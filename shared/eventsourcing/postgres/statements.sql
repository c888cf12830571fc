-- One statement a name; `statements.py` reads them from here.

-- name: claim_messages
insert into inbox (message_id, source, lane, digest, received_at)
select message_id, source, lane, digest, now()
from unnest($1::uuid[], $2::text[], $3::smallint[], $4::bytea[])
    as claimed (message_id, source, lane, digest)
on conflict (message_id) do nothing
returning message_id;

-- name: replies
select message_id, digest, reply
from inbox
where message_id = any($1::uuid[]);

-- name: lock_streams
-- One row at least, which tells what is parked: as of now, when the lanes are locked.
select parked.keys as parked_keys, locked.stream, locked.version, locked.state
from (select array(select distinct key from parked where key = any($2::text[]) and blocking) as keys) as parked
left join (
    select stream, version, state
    from stream
    where stream = any($1::text[])
    order by stream
    for update
) as locked on true;

-- name: lock_parked
select id
from parked
where id = any($1::uuid[])
order by number
for update;

-- name: lock_lanes
select lane, head, chain_hash
from lane
where lane = any($1::smallint[])
order by lane
for update;

-- name: append
-- Whole rows of the tables: the driver looks at every element of an array, and a row is one where its columns are many.
with entry as (
    insert into log
    select *
    from unnest($1::log[])
),
raised as (
    update lane
    set head = raise.head, chain_hash = raise.chain_hash
    from unnest($2::lane[]) as raise
    where lane.lane = raise.lane
),
begun as (
    insert into stream
    select *
    from unnest($3::stream[])
),
changed as (
    update stream
    set version = change.version, state = change.state
    from unnest($4::stream[]) as change
    where stream.stream = change.stream
    returning 1
),
planned as (
    insert into reminder
    select *
    from unnest($5::reminder[])
),
answered as (
    update inbox
    set reply = answer.reply
    from unnest($6::uuid[], $7::text[]) as answer (message_id, reply)
    where inbox.message_id = answer.message_id
)
select
    count(*) as changed,
    case
        when (select count(*) from instance where expires_at > now()) > 1
            then pg_notify('log', (select string_agg(raise.lane::text, ' ') from unnest($2::lane[]) as raise))
    end as notified
from changed;

-- name: delete_reminders
delete from reminder
where id = any($1::uuid[]);

-- name: park
insert into parked (
    id, key, blocking, message_id, source, type, payload, correlation_id, actor, explanation, origin, parked_at
)
select *
from unnest(
    $1::uuid[], $2::text[], $3::boolean[], $4::uuid[], $5::text[], $6::text[], $7::bytea[], $8::text[], $9::text[],
    $10::text[], $11::json[], $12::timestamptz[]
);

-- name: delete_parked
delete from parked
where id = any($1::uuid[])
returning id;

-- name: due_reminders
select id, due_at, type, payload, partition_key, correlation_id, actor, traceparent
from reminder
where due_at <= $1
order by due_at, id
limit $2;

-- name: next_reminder_at
select min(due_at)
from reminder;

-- name: reminders_of
select id, due_at, type, payload, partition_key, correlation_id, actor, traceparent
from reminder
where correlation_id = any($1::text[])
order by due_at, id;

-- name: add_reader
insert into reader (reader, lane)
select $1, lane
from lane
on conflict do nothing;

-- name: seen
insert into instance (owner, expires_at, near, readers)
values ($1, now() + make_interval(secs => $2), $3, array[$4::text])
on conflict (owner) do update
set
    expires_at = excluded.expires_at,
    near = excluded.near,
    readers = array_remove(instance.readers, $4::text) || excluded.readers;

-- name: other_instances
select near
from instance
where expires_at > now() and owner <> $1 and $2 = any(readers);

-- name: forget_instances
delete from instance
where owner = $1 or starts_with(owner, $1 || '/') or expires_at < now() - interval '1 hour';

-- name: lock_reader
select lane, position, owner, epoch, expires_at > now() as held
from reader
where reader = $1
order by lane
for update;

-- name: renew_leases
update reader
set expires_at = now() + make_interval(secs => $4)
where reader = $1 and owner = $2 and lane = any($3::smallint[]);

-- name: take_leases
update reader
set owner = $2, epoch = epoch + 1, expires_at = now() + make_interval(secs => $4)
where reader = $1 and lane = any($3::smallint[])
returning lane, position, epoch;

-- name: give_up_leases
update reader
set expires_at = '-infinity'
where reader = $1 and owner = $2 and lane = any($3::smallint[]);

-- name: release_leases
update reader
set expires_at = '-infinity'
where owner = $1 or starts_with(owner, $1 || '/');

-- name: read_lanes
select
    cursor.lane as cursor_lane, lane.head, entry.lane, entry.position, entry.id, entry.kind, entry.type, entry.topic,
    entry.stream, entry.version, entry.partition_key, entry.correlation_id, entry.causation_id, entry.actor,
    entry.reason, entry.occurred_at, entry.recorded_at, entry.traceparent, entry.payload, entry.hash
from unnest($1::smallint[], $2::bigint[]) as cursor (lane, position)
join lane on lane.lane = cursor.lane
left join lateral (
    select *
    from log
    where log.lane = cursor.lane and log.position > cursor.position
    order by log.position
    limit $3
) as entry on true
where lane.head > cursor.position
order by cursor.lane, entry.position;

-- name: read_lanes_of_types
select
    cursor.lane as cursor_lane, lane.head, entry.lane, entry.position, entry.id, entry.kind, entry.type, entry.topic,
    entry.stream, entry.version, entry.partition_key, entry.correlation_id, entry.causation_id, entry.actor,
    entry.reason, entry.occurred_at, entry.recorded_at, entry.traceparent, entry.payload, entry.hash
from unnest($1::smallint[], $2::bigint[]) as cursor (lane, position)
join lane on lane.lane = cursor.lane
left join lateral (
    select *
    from log
    where log.lane = cursor.lane and log.position > cursor.position and log.type = any($4::text[])
    order by log.position
    limit $3
) as entry on true
where lane.head > cursor.position
order by cursor.lane, entry.position;

-- name: advance
update reader
set position = moved.position
from unnest($3::smallint[], $4::bigint[], $5::bigint[]) as moved (lane, position, epoch)
where
    reader.reader = $1 and reader.owner = $2 and reader.lane = moved.lane and reader.epoch = moved.epoch
    and reader.expires_at > now()
returning reader.lane;

-- name: lock_view_rows
select key, row
from view_row
where view = $1 and key = any($2::text[])
order by key
for update;

-- name: add_view_rows
insert into view_row (view, key, row)
select $1, key, row
from unnest($2::text[], $3::jsonb[]) as new (key, row)
on conflict (view, key) do nothing;

-- name: rewrite_view_rows
update view_row
set row = changed.row
from unnest($2::text[], $3::jsonb[]) as changed (key, row)
where view_row.view = $1 and view_row.key = changed.key;

-- name: delete_view_rows
delete from view_row
where view = $1 and key = any($2::text[]);

-- name: view_row
select row
from view_row
where view = $1 and key = $2;

-- name: view_rows_ascending
select row
from view_row
where
    view = $1
    and ($2 = '' or row ->> $2 = any($3::text[]))
    and (
        $4::jsonb = '{}'
        or not exists (
            select
            from jsonb_each($4::jsonb) as wanted
            where not coalesce(wanted.value ? (row ->> wanted.key), false)
        )
    )
order by case when $5 = '' then '' else coalesce(row ->> $5, '') end collate "C", key
limit $6
offset $7;

-- name: view_rows_descending
select row
from view_row
where
    view = $1
    and ($2 = '' or row ->> $2 = any($3::text[]))
    and (
        $4::jsonb = '{}'
        or not exists (
            select
            from jsonb_each($4::jsonb) as wanted
            where not coalesce(wanted.value ? (row ->> wanted.key), false)
        )
    )
order by case when $5 = '' then '' else coalesce(row ->> $5, '') end collate "C" desc, key desc
limit $6
offset $7;

-- name: view_counts
select coalesce(row ->> $2, '') collate "C" as value, count(*) as number
from view_row
where view = $1
group by 1
order by 1;

-- name: stream
select version, state
from stream
where stream = $1;

-- name: streams
select stream, version, state
from stream
where stream > $1 and stream >= $2 and stream < $3
order by stream
limit $4;

-- name: stream_events
select *
from log
where stream = $1 and kind = 'event' and version > $2
order by version
limit $3;

-- name: correlated
select *
from log
where correlation_id = $1
order by lane, position;

-- name: lanes
select lane, head, chain_hash
from lane
order by lane;

-- name: reader_positions
select
    reader.reader, reader.lane, reader.position, lane.head,
    case when reader.expires_at > now() then reader.owner else '' end as owner, reader.epoch
from reader
join lane on lane.lane = reader.lane
order by reader.reader, reader.lane;

-- name: backlog
select
    (select count(*) from parked) as parked,
    (select count(*) from reminder where due_at < $1) as overdue_reminders;

-- name: consumed
select message_id
from inbox
where source = $1 and message_id > $2
order by message_id
limit $3;

-- name: answers
select message_id, reply
from inbox
where reply <> '' and message_id > $1
order by message_id
limit $2;

-- name: taken
select message_id
from inbox
where message_id = any($1::uuid[]);

-- name: published
select id
from log
where lane = $1 and topic = $2 and type = any($3::text[]) and id > $4
order by id
limit $5;

-- name: parked_messages
select
    id, key, blocking, message_id, source, type, case when $4::boolean then payload else '' end as payload,
    correlation_id, actor, explanation, origin, parked_at
from parked
where ($1::text is null or key = $1) and id > $2
order by id
limit $3;

-- name: parked_keys
with page as (
    select key, min(number) as first, count(*) as messages
    from parked
    where key > $1
    group by key
    order by key
    limit $2
)

select
    parked.id, parked.key, blocking, message_id, source, type,
    case when $3::boolean then payload else '' end as payload,
    correlation_id, actor, explanation, origin, parked_at, messages
from page
join parked on parked.number = page.first
order by parked.key;

-- name: parked_under
select count(*) as number
from parked
where key = $1;

-- name: first_parked
select
    id, key, blocking, message_id, source, type, payload, correlation_id, actor, explanation, origin, parked_at
from parked
where key = $1 and blocking
order by number
limit 1;

-- name: discard_parked
with gone as (
    delete from parked
    where key = $1 and ($5::uuid[] is null or id = any($5::uuid[]))
    returning *
)

insert into discarded (
    id, key, blocking, message_id, source, type, payload, correlation_id, actor, explanation, origin, parked_at,
    discarded_at, discarded_by, discarded_because
)
select
    id, key, blocking, message_id, source, type, payload, correlation_id, actor, explanation, origin, parked_at,
    $2, $3, $4
from gone
order by number;

-- name: discarded_messages
select
    id, key, blocking, message_id, source, type, case when $3::boolean then payload else '' end as payload,
    correlation_id, actor, explanation, origin, parked_at, discarded_at, discarded_by, discarded_because
from discarded
where id > $1
order by id
limit $2;
