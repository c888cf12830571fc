"""The ports of store and broker in memory, as strict as PostgreSQL and Kafka where a service could tell."""
