"""`python -m connector` and the console script `pushwoosh-connector`."""

from __future__ import annotations

import sys


def main() -> None:
    """Run the command line; Ctrl-C ends it without a traceback, even while modules are being read."""
    try:
        from connector.cli import app  # noqa: PLC0415 - an interrupt during the import must be caught too

        app()
    except KeyboardInterrupt:
        sys.exit(130)


if __name__ == "__main__":
    main()
