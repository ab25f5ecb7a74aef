"""Deprecations are told once per process each."""

from __future__ import annotations

import warnings
from collections.abc import Callable

_told: set[str] = set()


def tell_once(message: str, warn: Callable[[str], object] | None = None, *, depth: int = 1) -> None:
    """Tells of a deprecated name, unless that was told before.

    `warn` is the program's own way to tell; `depth` is how many callers up the one stands who used the name.
    """
    if message in _told:
        return
    _told.add(message)
    if warn is not None:
        warn(message)
    else:
        warnings.warn(message, DeprecationWarning, stacklevel=depth + 2)
