"""`python -m behest`: the `behest` command."""

import sys

from behest._cli import main

if __name__ == "__main__":
    sys.exit(main())
