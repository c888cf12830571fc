"""Errors that a caller is told about."""


class RequestError(Exception):
    """A request that can't be answered: a status, a stable code and a sentence."""

    def __init__(self, status: int, code: str, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.message = message
