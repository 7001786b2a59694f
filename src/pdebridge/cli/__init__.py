"""The command line: one verb per rule of the workflow, each usable by hand."""

import signal
import sys
import threading
from types import FrameType

from pdebridge.cli.parser import parser
from pdebridge.errors import Stopped, UserError


def main(arguments: list[str] | None = None) -> int:
    """Run a verb; print a user's mistake as one line and return the exit status."""
    top = parser()
    options, rest = top.parse_known_args(arguments)
    if rest and not hasattr(options, "changes"):
        top.error(f"unrecognized arguments: {' '.join(rest)}")
    if rest:
        options.changes = rest
    if threading.current_thread() is threading.main_thread():
        for number in (signal.SIGTERM, signal.SIGUSR1):
            signal.signal(number, _stop)  # so that what is half written goes away
    try:
        return options.verb(options) or 0
    except UserError as error:
        print(f"pdebridge {options.name}: {error}", file=sys.stderr)
        return 2
    except OSError as error:
        where = error.filename2 or error.filename or "a file"
        print(f"pdebridge {options.name}: {where}: {error.strerror or error}", file=sys.stderr)
        return 1
    except (Stopped, KeyboardInterrupt) as error:
        stopped = error if isinstance(error, Stopped) else Stopped(signal.SIGINT)
        print(f"pdebridge {options.name}: {stopped}", file=sys.stderr)
        return stopped.status


def _stop(number: int, frame: FrameType | None) -> None:
    raise Stopped(number)
