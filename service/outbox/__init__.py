"""From the journal of outputs to Kafka: each output once, and each lane's in order.

`Relay` is the whole of it for the rest of the service. `lane.py` publishes one lane, `membership.py` says which
lanes are ours, `cursor.py` and `reader.py` are the two sides that have to agree, `consistency.py` holds them
against each other.
"""

from service.outbox.relay import Relay

__all__ = ["Relay"]
