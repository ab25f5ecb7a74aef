"""`python -m behest`: the `behest` command."""

import sys

from behest._cli import main

sys.exit(main())
