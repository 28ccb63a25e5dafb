"""What is wrong with a command line, in a sentence of the catalogue; the library that reads it has words of its own."""

from __future__ import annotations

import difflib
import sys
from collections.abc import Callable
from typing import Any

from audit.base.errors import BadInput
from audit.base.messages import render
from audit.cli.told import USAGE


def call(program: Callable[..., object]) -> int:
    """Carry out the command line of this process; its exit code."""
    try:
        code = program(standalone_mode=False)
    except USAGE as error:
        if type(error).__name__ == "NoArgsIsHelpError":
            print(getattr(error, "message", ""))
            return 2
        told = _told(error)
        print(f"cloakcheck: {render(told.said)} [{told.slug}]", file=sys.stderr)
        return told.exit_code
    return code if isinstance(code, int) else 0


def _called(param: Any) -> str:
    """What a user calls an option or argument: `--out`, `FOLDER`."""
    return str(param.opts[0] if param.param_type_name == "option" else param.metavar or param.name.upper())


def _told(error: Exception) -> BadInput:
    context = getattr(error, "ctx", None)
    asked = next((word for word in sys.argv[1:] if not word.startswith("-")), "")
    command = asked or "run"
    name, param = getattr(error, "option_name", None), getattr(error, "param", None)
    near = (*(getattr(error, "possibilities", None) or ()),)
    kind = type(error).__name__
    if kind == "NoSuchOption" and name:
        if near:
            return BadInput("usage-option.near", option=name, command=command, near=near)
        return BadInput("usage-option", option=name, command=command)
    if kind == "BadOptionUsage" and name:
        # A value behind "=" is only refused by an option that takes none.
        if any(word.startswith(f"{name}=") for word in sys.argv[1:]):
            return BadInput("usage-value.none", option=name)
        return BadInput("usage-value", option=name, command=command)
    if kind == "MissingParameter" and param is not None:
        if param.param_type_name == "option":
            return BadInput("usage-missing.option", option=_called(param), command=command)
        return BadInput("usage-missing", what=_called(param), command=command)
    if kind == "BadParameter" and param is not None:
        return BadInput("usage-unfit", option=_called(param), why=getattr(error, "message", ""), command=command)
    known = sorted(getattr(getattr(context, "command", None), "commands", ()))
    if known and asked and asked not in known:
        close = tuple(difflib.get_close_matches(asked, known, n=2))
        return (
            BadInput("usage-command.near", name=asked, near=close) if close else BadInput("usage-command", name=asked)
        )
    return BadInput("usage-other", why=getattr(error, "message", str(error)))
