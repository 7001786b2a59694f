"""Mistakes that a user can mend, and the wish to stop: the text of either is the single line that is printed."""

from signal import Signals


class UserError(Exception):
    """A wrong key, file or combination; the message says what was found and what would be valid."""


class Stopped(BaseException):
    """A signal told the process to end; finished work is kept. No `Exception`: nothing shall catch it."""

    def __init__(self, number: int) -> None:
        super().__init__(f"stopped by {Signals(number).name}; the same command goes on from here")
        self.status = 128 + number
        """The exit status that shells give a process which a signal ended."""
