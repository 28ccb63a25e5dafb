"""`python -m audit.cli`."""

from audit.cli import app

if __name__ == "__main__":
    app()
