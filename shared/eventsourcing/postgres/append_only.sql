-- Of what is only added to, vacuum has nothing to clear away, and would read and write each page once more for it.
-- It still comes when transaction ids must be frozen, once in some two hundred million transactions.
alter table log set (autovacuum_vacuum_insert_threshold = -1);
alter table inbox set (autovacuum_vacuum_insert_threshold = -1);
