"""The program: answers a signal in one sentence while most of it is still being loaded, and writes whatever it must."""

from __future__ import annotations

import sys

from audit.base.ending import guarded


def main() -> None:
    """What `cloakcheck` and `python -m audit` start."""
    guarded(_command)


def _command() -> None:
    import audit.cli
    from audit.cli.console import write_anything
    from audit.cli.usage import call

    write_anything()
    sys.exit(call(audit.cli.app))


if __name__ == "__main__":
    main()
