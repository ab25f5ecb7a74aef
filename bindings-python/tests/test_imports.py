"""Importing the package is quick, because what is seldom needed is imported where it is used."""

import programs


def test_the_import_brings_nothing_heavy_along() -> None:
    out = programs.run(
        """
        import sys
        before = set(sys.modules)
        import behest
        behest.SyncBehest(key="behest_sk_live_" + "0" * 32)
        print(*sorted(set(sys.modules) - before))
        """,
        {},
    )
    heavy = {"asyncio", "concurrent.futures", "email", "http", "logging", "openai", "ssl", "urllib.request", "uuid"}
    assert heavy.isdisjoint(out.split())


def test_every_public_name_is_there() -> None:
    out = programs.run(
        """
        import behest
        from behest import *
        print(AsyncStream.__name__, [name for name in behest.__all__ if not hasattr(behest, name)])
        """,
        {},
    )
    assert out == "AsyncStream []\n"


def test_a_name_that_is_not_there_is_an_attribute_error() -> None:
    out = programs.run(
        """
        import behest
        try:
            behest.nonsense
        except AttributeError as error:
            print(error)
        """,
        {},
    )
    assert out == "module 'behest' has no attribute 'nonsense'\n"
