"""The command line: one verb per rule of the workflow, each usable by hand."""

import sys

from pdebridge.cli.parser import parser
from pdebridge.errors import UserError


def main(arguments: list[str] | None = None) -> int:
    """Run a verb; print a user's mistake as one line and return the exit status."""
    options = parser().parse_args(arguments)
    try:
        return options.verb(options) or 0
    except UserError as error:
        print(f"pdebridge {options.name}: {error}", file=sys.stderr)
        return 2
    except OSError as error:
        where = error.filename2 or error.filename or "a file"
        print(f"pdebridge {options.name}: {where}: {error.strerror or error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print(f"pdebridge {options.name}: interrupted; the same command goes on from here", file=sys.stderr)
        return 130
