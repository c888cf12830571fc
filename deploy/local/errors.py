"""What can go wrong with the local stack, each as one line for a person."""


class StackError(Exception):
    """The stack can't do what was asked; the message is one line for a person."""


class InfrastructureUnavailable(StackError):
    """The chosen Kafka and PostgreSQL can't be had."""
