"""Runs the fakes for a program that is not Python: says what the gateway needs to know, and ends with its standard input.

python -m providers
"""

import json
import sys

from providers import fake
from providers.running import kinds

with fake.running(kinds()) as fakes:
    told = {
        "settings": "\n".join(each.settings() for each in fakes.values()),
        "environment": {name: value for each in fakes.values() for name, value in each.environment().items()},
        "models": {name: f"{name}/{each.models[0]}" for name, each in fakes.items()},
        "embedders": {name: f"{name}/{each.models[-1]}" for name, each in fakes.items()},
    }
    print(json.dumps(told), flush=True)
    sys.stdin.read()
