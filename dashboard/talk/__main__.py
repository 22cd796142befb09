"""`python -m dashboard.talk why -o why.html`: a talk, or one explorer, as a file that needs no server."""

from __future__ import annotations

import argparse
import logging
import sys
from pathlib import Path
from urllib.parse import parse_qsl, urlsplit

from vitcore.errors import UserError


def main() -> None:
    """Parse the arguments and write the file."""
    parser = argparse.ArgumentParser(prog="python -m dashboard.talk", description=__doc__)
    parser.add_argument(
        "what", help="a talk's name, a talk file, or the address of a view on the page Attention"
    )
    parser.add_argument("-o", "--out", type=Path, help="default: the talk's name, or explorer, .html")
    given = parser.parse_args()
    logging.getLogger("streamlit").setLevel(logging.ERROR)  # it misses its server
    try:
        written, text = _made(given.what)
        out = given.out or Path(f"{written}.html")
        out.write_text(text, "utf-8")
    except (UserError, OSError) as error:
        sys.exit(str(error))
    print(f"{out}: {out.stat().st_size / 1e6:.1f} MB, opens in any browser without a server or network.")


def _made(what: str) -> tuple[str, str]:
    """(name of the file, its text)"""
    logging.disable(logging.WARNING)
    from dashboard.talk import alone
    from dashboard.talk.files import find_talk, read_talk

    place = urlsplit(what)
    if place.query or place.path.rstrip("/").endswith("attention"):
        page = place.path.rstrip("/").rsplit("/", 1)[-1]
        if page != "attention":
            raise UserError(
                f"The address of {page[:60] or 'the first page'} is no explorer: name one of the page "
                "attention, or make a talk of views of other pages."
            )
        return "explorer", alone.explorer_file(dict(parse_qsl(place.query)))
    talk = read_talk(Path(what)) if what.endswith((".yaml", ".yml")) else find_talk(what)
    return talk.name, alone.talk_file(talk)


if __name__ == "__main__":
    main()
