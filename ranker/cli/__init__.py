"""The command line, thin: it reads options, chooses backends, calls the library and prints.

Exit codes: 0 fine; 2 wrong usage; 3 a quiet day (nothing was announced); 4 bad input or configuration; 5 failed;
6 partial (the digest is there, but rows were refused, papers failed, or the source was incomplete); 130 interrupted.
"""

from __future__ import annotations

import os
import signal
import sys
import traceback
from typing import Any

FINE, USAGE, QUIET, BAD_INPUT, FAILED, PARTIAL, INTERRUPTED = 0, 2, 3, 4, 5, 6, 130


_GOODBYE = "interrupted: what was done so far is stored; run the same command again to go on"


def main(arguments: list[str] | None = None) -> None:
    """Run the command line and exit."""
    signal.signal(signal.SIGINT, _interrupt)
    code = run(arguments)
    if code == INTERRUPTED:
        # Encoder threads may still be inside a forward: leave without waiting for them. All that counts is stored.
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)
    sys.exit(code)


def _interrupt(number: int, frame: object) -> None:
    """The first Ctrl-C ends the work in order; further ones change nothing."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    raise KeyboardInterrupt


def _usage_error() -> type[Any]:
    """The base of what the option parser raises; newer typer brings its own copy of click, so it is asked."""
    import typer

    return next(c for c in reversed(typer.BadParameter.__mro__) if hasattr(c, "show"))


def run(arguments: list[str] | None = None) -> int:
    """Run the command line; returns the exit code. Errors for people go to stderr without a traceback."""
    import typer

    from ranker.cli.app import app
    from ranker.errors import RankerError

    arguments = sys.argv[1:] if arguments is None else arguments
    debug = "--debug" in arguments
    try:
        result = app(args=arguments, standalone_mode=False, prog_name="ranker")
        if result == INTERRUPTED:  # typer turns KeyboardInterrupt into this
            print(_GOODBYE, file=sys.stderr)
        return result if isinstance(result, int) else FINE
    except (typer.Abort, KeyboardInterrupt):
        print(_GOODBYE, file=sys.stderr)
        return INTERRUPTED
    except RankerError as error:
        if debug:
            traceback.print_exc()
        print(f"error: {error}", file=sys.stderr)
        return error.exit_code
    except BrokenPipeError:
        # The reader of our output went away (`| head`): no error. Python must not flush into the closed pipe at exit.
        sys.stdout = None
        return FINE
    except MemoryError:
        print("error: out of memory\n  -> rank fewer papers at a time, or use a machine with more", file=sys.stderr)
        return FAILED
    except Exception as error:
        if isinstance(error, _usage_error()):
            error.show()
            return USAGE
        if debug:
            traceback.print_exc()
        kind = type(error).__name__
        print(f"error: unexpected {kind}: {error}\n  -> a defect: report it with --debug's output", file=sys.stderr)
        return FAILED
