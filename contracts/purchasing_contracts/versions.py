"""Messages that will be removed, and changes of a version that its schemas can't express.

The policy is in contracts/README.md, "Versions".
"""

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

NOTES: Mapping[str, str] = MappingProxyType(
    {
        "0.2.0": """\
- Whatever was right in 0.1 is right, and means the same. Send what is new here only when the service runs 0.2: an older
  one refuses a type or a choice that it doesn't know, and ignores a member.
- Enumerations of what we publish are open from now on: strings in the schema, with the known values as examples. Ignore
  a decision of a `kind` that you don't know; take any other value that you don't know as "other". If your own copy of a
  schema closes one, open it before the service runs 0.2: there are new kinds and outcomes.
- Events may speak of a part of an order: `items` names items and units. Without it they speak of all, as before. In
  `goods_received` and `package_delivered`, `final` left out is true without `items`; with them it is whether every
  bought unit has then arrived.
- Money in another currency than the order's counts if the message says in `settled` what was booked. `settled` and
  `promotion.fixed` may be in another currency than the rest of the message.
- Commands are answered: `refund_succeeded` or `refund_failed`; `deposit_deducted` or `deposit_insufficient`;
  `funds_deducted` or `funds_insufficient`; `transfer_failed` and `freeze_refused` where it was not done.
- A chargeback has one hold at most: a new one takes the place of the one that stands (`replaces`), in one step, and a
  deduction may draw on the hold that it names (`hold_id`).
- A seller may answer again: the latest answer counts, from its time on.
- An order may have 300 events of one type; it was 1,000 in all.
- `source` may have 512 characters; it was 128. Beyond 128 it is ASCII. JSON in `data_base64` is read as if it stood in
  `data`.
"""
    }
)
"""Notes on a version that its schemas can't express, by version of this package, oldest first, as Markdown."""
