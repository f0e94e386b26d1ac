"""Which messages are on their way out. The policy is in contracts/README.md, "Versions"."""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType


@dataclass(frozen=True, slots=True)
class Deprecation:
    """A version of a message that ends: since and until which day (ISO 8601), and which type comes instead."""

    since: str
    ends: str
    instead: str


DEPRECATED: Mapping[str, Deprecation] = MappingProxyType({})
"""By CloudEvents type. Shown in the type's schema and in the AsyncAPI document."""
