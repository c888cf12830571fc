-- The readers that an instance runs: their lanes are shared out among those that run them, and no others.
alter table instance
add column readers text[] not null default '{}';
