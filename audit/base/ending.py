"""The end that a user or the system asks for: Ctrl-C, a closed terminal, a polite kill. One sentence, never a trace."""

from __future__ import annotations

import signal
import sys
from collections.abc import Callable
from types import FrameType

SIGNALS = tuple(getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name))
_seen: list[int] = []


class Ended(BaseException):
    """Raised in the main thread by one of SIGNALS; no library takes it for an error of its own."""


def watch() -> None:
    """From now on the process ends with `Ended`; a signal that its parent switched off (`nohup`) stays off."""
    for number in SIGNALS:
        if signal.getsignal(number) in (signal.SIG_DFL, signal.default_int_handler):
            signal.signal(number, _end)


def ended(error: BaseException) -> int | None:
    """The exit code that shells give to an end by signal, 128 and its number; None where an error has another cause."""
    if _seen:
        return 128 + _seen[0]
    return 128 + signal.SIGINT if isinstance(error, KeyboardInterrupt) else None


def guarded(command: Callable[[], None]) -> None:
    """Run a command; wherever a signal meets it, it ends with a sentence."""
    watch()
    try:
        command()
    except (Exception, Ended, KeyboardInterrupt) as error:
        # Compiled modules make an ImportError of a Ctrl-C while they are loaded.
        code = ended(error)
        if code is None:
            raise
        say_ended("stopped.unbegun")
        sys.exit(code)


def say_ended(id: str) -> None:
    """Print a message of the catalogue, as far as there is anybody to read it; another signal no longer counts."""
    for number in SIGNALS:
        if signal.getsignal(number) is _end:
            signal.signal(number, signal.SIG_IGN)
    # What is imported here may be what was being imported when the signal came.
    from audit.base.messages import render, say

    try:
        print(f"\ncloakcheck: {render(say(id))}", file=sys.stderr, flush=True)
    except OSError:
        # The terminal is gone, which is why it ends.
        pass


def _end(number: int, frame: FrameType | None) -> None:
    _seen.append(number)
    raise Ended(number)
