"""What can go wrong at the command line: one line for a person, and an exit code for a script."""


class OmsError(Exception):
    """The command failed, or the service refused."""

    exit_code = 1


class WrongUsage(OmsError):
    """The command can't be carried out as it was given."""

    exit_code = 2


class Unreachable(OmsError):
    """The stack, or one of its services, does not answer."""

    exit_code = 3


class Unanswered(Unreachable):
    """A request went out and no answer came: what it asks may be done or not."""


class Stopped(OmsError):
    """Somebody pressed Ctrl-C."""

    exit_code = 130
