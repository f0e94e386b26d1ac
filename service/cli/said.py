"""Errors whose text is a sentence for the person at the terminal, and a fault of nothing in this program."""

from service.app import StartError
from service.demo.play import DemoError
from service.embedded import EmbeddedError
from service.failpoints import FailpointError
from service.inbox.offsets import OffsetLostError
from service.ops.http import PortError
from service.ops.reach import UnreachableError
from service.ops.traces import TracesError
from service.outbox.adopt import AdoptError
from service.quarantine.finding import QuarantineError
from service.settings import SettingsError
from service.store.errors import (
    DatabaseMovedError,
    NotAllowedError,
    NotUsableError,
    SchemaError,
    StoreUnavailableError,
)
from service.store.lane_set import LanesError
from service.terms.files import TermsError
from service.topics import TopicsError

SAID = (
    AdoptError,
    DatabaseMovedError,
    DemoError,
    EmbeddedError,
    FailpointError,
    LanesError,
    NotAllowedError,
    NotUsableError,
    OffsetLostError,
    PortError,
    QuarantineError,
    SchemaError,
    SettingsError,
    StartError,
    StoreUnavailableError,
    TermsError,
    TopicsError,
    TracesError,
    UnreachableError,
)
