"""The signing of the packages before 1.5, where programs of that time look for it."""

from __future__ import annotations

from behest._legacy import sign_behest_jwt
from behest._warnings import tell_once

__all__ = [
    "sign_behest_jwt",
]

tell_once("behest.signing is deprecated: use SyncBehest of behest with the private key as key")
