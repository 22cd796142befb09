"""The one exception whose text is meant for the user: a sentence that says what is wrong and what to do."""


class UserError(Exception):
    """Shown as one sentence on the page, or on stderr with exit code 2; never with a traceback."""
