"""Event sourcing for services that coordinate over a log: deciders, pipeline, lane log, relay."""
