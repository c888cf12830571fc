"""The store port on PostgreSQL, by asyncpg."""
