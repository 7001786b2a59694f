"""The one exception for mistakes that a user can mend: its text is the single line that is printed."""


class UserError(Exception):
    """A wrong key, file or combination; the message says what was found and what would be valid."""
