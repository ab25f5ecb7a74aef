"""The clients of the packages before 1.5, where programs of that time look for them."""

from __future__ import annotations

from behest._legacy_clients import BehestClient, BehestSigningClient
from behest._warnings import tell_once

__all__ = [
    "BehestClient",
    "BehestSigningClient",
]

tell_once("behest.client is deprecated: use Behest or SyncBehest of behest")
