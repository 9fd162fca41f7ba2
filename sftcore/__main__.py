"""`python -m sftcore`."""

from __future__ import annotations

import sys

from sftcore.cli import main

if __name__ == "__main__":
    sys.exit(main())
