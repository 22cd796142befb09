"""`python -m dashboard.talk why -o why.html`: save a talk, or one explorer, as a standalone HTML file."""

from __future__ import annotations

import argparse
import logging
import sys
from pathlib import Path

from vitcore.errors import UserError
from vitcore.runs.files import write_atomic

INCOMPLETE = 3  # exit code: the file is written, but the view of a step is missing


def main() -> None:
    """Parse the arguments and write the file."""
    parser = argparse.ArgumentParser(
        prog="python -m dashboard.talk",
        description=__doc__,
        epilog="Exit code 1: nothing was written. Exit code 3: the file was written, but a step of the talk "
        "could not be drawn. A sentence in its place and on stderr says why.",
    )
    parser.add_argument(
        "what", help="the name of a talk, a talk file, or the address of a view of the Attention page"
    )
    parser.add_argument("-o", "--out", type=Path, help="default: NAME.html of the talk, or explorer.html")
    arguments = parser.parse_args()
    logging.getLogger("streamlit").setLevel(logging.ERROR)  # Streamlit warns that it runs without a server
    try:
        name, text, errors = _render(arguments.what)
    except (UserError, OSError) as error:
        sys.exit(str(error))
    out = arguments.out or Path(f"{name}.html")
    try:
        if out.exists() and not out.is_file():  # a pipe or /dev/stdout
            out.write_text(text, encoding="utf-8")
        else:
            write_atomic(out.resolve(), text)  # keeps the old file if the disk is full
    except OSError as error:
        sys.exit(f"Cannot write {out}: {error.strerror or error}.")
    print(f"{out}: {out.stat().st_size / 1e6:.1f} MB, opens in any browser without a server or network.")
    if errors:
        print(*errors, sep="\n", file=sys.stderr)
        sys.exit(INCOMPLETE)


def _render(what: str) -> tuple[str, str, list[str]]:
    """Return the default name of the file, its text, and a sentence for each step that can't be shown."""
    logging.disable(logging.WARNING)
    from dashboard.standalone import scene_file
    from dashboard.talk import html_export
    from dashboard.talk.files import find_talk, parse_link, read_talk

    if "?" in what or what.rstrip("/").rsplit("/", 1)[-1] == "attention":
        page, state = parse_link(what)
        if page != "attention":
            raise UserError(
                f"An address of {page} has no explorer: use an address of the page attention, or write a "
                "talk with this view as a step."
            )
        return "explorer", scene_file.from_address(state), []
    if what.endswith((".yaml", ".yml")):
        talk = read_talk(Path(what), broken_links=True)
    else:
        talk = find_talk(what, broken_links=True)
    return Path(what).stem, *html_export.as_html(talk)


if __name__ == "__main__":
    main()
