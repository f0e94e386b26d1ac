"""The relay: from the journal of outputs to Kafka, each output once and each lane in order.

`Relay` is the interface for the rest of the service. `lane.py` publishes one lane, and `membership.py` knows which
lanes this process owns. `cursor.py` reads Kafka's side, `reader.py` the database's, and `consistency.py` compares the
two.
"""

from service.outbox.relay import Relay

__all__ = ["Relay"]
