"""`python -m audit.cli`."""

import sys

import audit.cli
from audit.base.ending import guarded
from audit.cli.usage import call

if __name__ == "__main__":
    guarded(lambda: sys.exit(call(audit.cli.app)))
