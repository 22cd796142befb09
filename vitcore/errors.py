"""The one exception whose text is meant for the user: a sentence that says what is wrong and what to do."""


class UserError(Exception):
    """Shown as one sentence on the page, or on stderr with exit code 2; never with a traceback."""


def no_weights(run_id: str, *, active: bool) -> UserError:
    """A run without weights: `active`, and they will come, or over."""
    if active:
        return UserError(f"Run {run_id} has no weights yet: wait for the end of its first epoch.")
    return UserError(
        f"Run {run_id} has no weights: it ended before its first epoch did, or only its curves were kept."
    )
