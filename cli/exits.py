"""From exceptions to exit statuses: one line for people, the traceback only when asked for."""

import signal
import sys
import traceback
from collections.abc import Callable
from types import FrameType
from typing import NoReturn

from typer.exceptions import TyperException

from xc.store_schema import RequestError, XcError

INTERRUPTED = 130
FAILED = 1


def _terminate(signum: int, frame: FrameType | None) -> NoReturn:
    raise KeyboardInterrupt


def run_command(command: Callable[[], None], *, debug: bool) -> int:
    """Run a command and say how it ended.

    SIGTERM is treated as Ctrl-C, so that a stage saves what it has.

    Returns:
        0 done, 1 failed underway, 2 the request was wrong, 130 interrupted.
    """
    signal.signal(signal.SIGTERM, _terminate)
    try:
        command()
    except KeyboardInterrupt:
        _say("interrupted; the same command continues from what is on disk")
        return INTERRUPTED
    except XcError as error:
        _explain(error, debug=debug)
        return error.exit_status
    except MemoryError as error:
        _explain(error, debug=debug, text="out of memory; try a smaller --batch-size")
        return FAILED
    except Exception as error:  # the last net: anything unforeseen is still one line
        text = f"unexpected {type(error).__name__}: {error}; --debug shows where"
        _explain(error, debug=debug, text=text)
        return FAILED
    return 0


def report_usage(error: TyperException) -> int:
    """Say on one line what was wrong with the command line itself."""
    _say(error.format_message().rstrip(".") + "; --help lists what there is")
    return RequestError.exit_status


def report_import(error: ImportError, *, debug: bool) -> int:
    """Say on one line that a command cannot be loaded."""
    text = (
        f"this command cannot be loaded ({type(error).__name__}: {error}); install xcdiff and what "
        "it needs again (pip install --upgrade xcdiff); --debug shows where"
    )
    _explain(error, debug=debug, text=text)
    return FAILED


def _explain(error: BaseException, *, debug: bool, text: str | None = None) -> None:
    if debug:
        traceback.print_exception(error)
    notes = getattr(error, "__notes__", [])
    _say("; ".join([text or str(error), *notes]))


def _say(text: str) -> None:
    print(f"xc: {' '.join(text.split())}", file=sys.stderr)
