"""`python -m dashboard.talk why -o why.html`: a talk, or one explorer, as a file that needs no server."""

from __future__ import annotations

import argparse
import logging
import sys
from pathlib import Path

from vitcore.errors import UserError
from vitcore.runs.files import write_atomic

INCOMPLETE = 3  # exit code: written, but without a step's view


def main() -> None:
    """Parse the arguments and write the file."""
    parser = argparse.ArgumentParser(
        prog="python -m dashboard.talk",
        description=__doc__,
        epilog="Exit code 1: nothing was written. 3: the file is written, but a step of the talk could not "
        "be drawn; a sentence says why, in its place and on stderr.",
    )
    parser.add_argument(
        "what", help="a talk's name, a talk file, or the address of a view on the page Attention"
    )
    parser.add_argument("-o", "--out", type=Path, help="default: the talk's name, or explorer, .html")
    given = parser.parse_args()
    logging.getLogger("streamlit").setLevel(logging.ERROR)  # it misses its server
    try:
        written, text, missing = _made(given.what)
    except (UserError, OSError) as error:
        sys.exit(str(error))
    out = given.out or Path(f"{written}.html")
    try:
        if out.exists() and not out.is_file():  # a pipe or /dev/stdout
            out.write_text(text, "utf-8")
        else:
            write_atomic(out.resolve(), text)  # atomic: on a full disk the old file survives
    except OSError as error:
        sys.exit(f"Cannot write {out}: {error.strerror or error}.")
    print(f"{out}: {out.stat().st_size / 1e6:.1f} MB, opens in any browser without a server or network.")
    if missing:
        print(*missing, sep="\n", file=sys.stderr)
        sys.exit(INCOMPLETE)


def _made(what: str) -> tuple[str, str, list[str]]:
    """(name of the file, its text, a sentence for each step that is not in it)"""
    logging.disable(logging.WARNING)
    from dashboard.talk import alone
    from dashboard.talk.files import find_talk, read_talk, view

    if "?" in what or what.rstrip("/").rsplit("/", 1)[-1] == "attention":
        page, state = view(what)
        if page != "attention":
            raise UserError(
                f"An address of {page} has no explorer: use an address of the "
                "page attention, or make a talk of views of other pages."
            )
        return "explorer", alone.explorer_file(state), []
    talk = read_talk(Path(what)) if what.endswith((".yaml", ".yml")) else find_talk(what)
    return Path(what).stem, *alone.talk_file(talk)


if __name__ == "__main__":
    main()
