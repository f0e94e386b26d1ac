"""`python -m purchasing_contracts`: the same as `purchasing-contracts`."""

import sys

from purchasing_contracts.cli import main

if __name__ == "__main__":
    sys.exit(main())
