"""The Python SDK of Behest, the AI backend for applications."""

from behest._native import version

__all__ = ["__version__", "version"]

__version__ = version()
