"""Which version of the service this is."""

from importlib.metadata import PackageNotFoundError, version

UNKNOWN = "unknown"


def own_version() -> str:
    """The version that was installed; UNKNOWN where the code runs without having been."""
    try:
        return version("purchasing-service")
    except PackageNotFoundError:
        return UNKNOWN
