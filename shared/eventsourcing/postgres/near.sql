-- The lanes that an instance writes, by the partitions that are delivered to it: it had best read them as well.
alter table instance
add column near smallint[] not null default '{}';
