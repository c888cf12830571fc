"""What the topics of the contract are like, unless an installation says otherwise."""

PARTITIONS = 8
"""Of every topic."""
MAX_REQUEST_BYTES = 4 * 1024 * 1024
"""What a broker takes at once: a record, or several of them."""
MAX_MESSAGE_BYTES = MAX_REQUEST_BYTES - 64 * 1024
"""The largest payload that is sent, with room for its headers."""
