"""The command line: `python -m vitcore --help`. Results go to stdout, everything else to stderr.

Invalid input ends with one sentence on stderr and exit code 2. Commands import torch only when needed.
"""

from __future__ import annotations

import codecs
import importlib
import io
import sys
from typing import cast

import typer

from vitcore.cli import app
from vitcore.errors import UserError

for subject in (
    "training",
    "sweeps",
    "runs",
    "models",
    "probes",
    "attribution",
):  # each module adds its commands; --help lists them in this order
    importlib.import_module(f"vitcore.cli.{subject}")

# The base class of BadParameter is click's UsageError. Typer bundles click but does not export this class, so
# its type is given as that of the subclass, which has the same methods.
UsageError = cast("type[typer.BadParameter]", typer.BadParameter.__base__)


def _allow_any_text(stream: io.TextIOWrapper) -> None:
    """Let a stream print every title and path, although a locale may lack some of their characters.

    ASCII is the encoding of a process without a locale, so UTF-8 is used instead, as Python does by default.
    """
    if codecs.lookup(stream.encoding).name in ("ascii", "utf-8"):
        stream.reconfigure(encoding="utf-8", errors="surrogateescape")
    else:
        stream.reconfigure(errors="backslashreplace")


def main() -> None:
    """Run the command line. Every expected error is reported in one sentence, with exit code 2."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            _allow_any_text(stream)
    try:
        code = app(standalone_mode=False)
    except UserError as error:
        print(error, file=sys.stderr)
        sys.exit(2)
    except UsageError as error:
        print(
            f"{error.format_message().rstrip('.')}: --help lists the commands and options.", file=sys.stderr
        )
        sys.exit(2)
    except OSError as error:  # a path that cannot be read or written, a full disk
        where = f" ({error.filename})" if error.filename else ""
        print(f"{error.strerror or error}{where}.", file=sys.stderr)
        sys.exit(2)
    except (typer.Abort, KeyboardInterrupt):
        sys.exit(130)
    sys.exit(code if isinstance(code, int) else 0)


if __name__ == "__main__":
    main()
