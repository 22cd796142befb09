"""The exception for user-facing errors: its message says what is wrong and what to do."""


class UserError(Exception):
    """An error shown as one sentence on the page, or on stderr with exit code 2. No traceback is shown."""

    def __init__(self, message: str) -> None:
        # Python decodes a file name that is not UTF-8 to surrogates, which no page and no terminal can show
        super().__init__(message.encode("utf-8", "backslashreplace").decode("utf-8"))


def detail_of(error: Exception, most: int = 160) -> str:
    """Return the last line of an error of a library, cut, to quote it in a sentence.

    It may list thousands of names from a file.
    """
    lines = str(error).strip().splitlines() or [type(error).__name__]
    last = lines[-1].strip().rstrip(".")
    return last if len(last) <= most else f"{last[: most - 3]}..."


def no_weights(run_id: str, *, active: bool) -> UserError:
    """Return the error for a run without weights. An `active` run will still save some."""
    if active:
        return UserError(f"Run {run_id} has no weights yet: wait for the end of its first epoch.")
    return UserError(
        f"Run {run_id} has no weights, because it ended during its first epoch or was exported without them: "
        "choose another run."
    )
