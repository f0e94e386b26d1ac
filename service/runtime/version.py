"""The version of the service."""

from importlib.metadata import PackageNotFoundError, version

UNKNOWN = "unknown"


def own_version() -> str:
    """Return the installed version; UNKNOWN if the package is not installed."""
    try:
        return version("purchasing-service")
    except PackageNotFoundError:
        return UNKNOWN
