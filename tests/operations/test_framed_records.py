"""Operators see through the frame of a schema registry, as the codec does."""

from service.operations.acts.records import changed_places, identity_of
from service.operations.try_message import topic_for
from tests.contracts.wire import CAPTURED, PAYMENT, event, text

FRAME = b"\0\0\0\0\7"
FRAMED = FRAME + text(event(CAPTURED))


def test_a_framed_message_is_of_its_types_topic():
    assert topic_for(FRAMED, None) == PAYMENT


def test_a_repair_that_keeps_or_drops_the_frame_changes_only_the_place_repaired():
    repaired = event(CAPTURED, id="evt-2")
    assert changed_places(FRAMED, FRAME + text(repaired)) == ["/id"]
    assert changed_places(FRAMED, text(repaired)) == ["/id"]


def test_a_framed_message_has_its_identity():
    assert identity_of(FRAMED) == identity_of(text(event(CAPTURED))) is not None
