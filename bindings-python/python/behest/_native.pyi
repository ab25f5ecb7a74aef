def version() -> str:
    """Returns the version of Behest that this module was built from."""
