"""Expected errors: their text is a sentence for the person at the terminal, and the program is not at fault."""

import asyncpg
from aiokafka.errors import KafkaError

from service.demo.play import DemoError
from service.embedded import EmbeddedError
from service.inbox.offsets import OffsetLostError
from service.kafka.topic_files import TopicFilesError
from service.kafka.topics import TopicsError
from service.observability.http import PortError
from service.observability.otlp_resource import OtlpError
from service.observability.reachability import UnreachableError
from service.operations.archive import ArchiveError
from service.operations.money_export import ExportError
from service.operations.quarantine.lookup import QuarantineError
from service.outbox.repair.adopt import AdoptError
from service.runtime.error_classes import ErrorClass, kafka_meaning
from service.runtime.errors import describe
from service.runtime.failpoints import FailpointError
from service.runtime.settings import SettingsError
from service.store.driver_errors import store_error
from service.store.errors import (
    DatabaseMovedError,
    NotAllowedError,
    NotUsableError,
    SchemaError,
    StoreUnavailableError,
)
from service.store.operators.lane_count import LanesError
from service.terms.files import TermsError
from service.worker.bootstrap import StartError
from service.worker.supervisor import ProcessStoppedError

EXPECTED_ERRORS = (
    AdoptError,
    ArchiveError,
    DatabaseMovedError,
    DemoError,
    EmbeddedError,
    ExportError,
    FailpointError,
    LanesError,
    NotAllowedError,
    NotUsableError,
    OffsetLostError,
    PortError,
    ProcessStoppedError,
    QuarantineError,
    SchemaError,
    SettingsError,
    StartError,
    StoreUnavailableError,
    TermsError,
    TopicFilesError,
    TopicsError,
    OtlpError,
    UnreachableError,
)


def sentence_for(error: Exception) -> str | None:
    """Return the sentence for the person at the terminal; None for a fault in the program."""
    if isinstance(error, EXPECTED_ERRORS):
        return str(error)
    if isinstance(error, KafkaError):
        is_foreseen = kafka_meaning(error) not in (ErrorClass.FAULT, ErrorClass.FENCED)
        return f"Kafka refused a request: {describe(error)}." if is_foreseen else None
    if isinstance(error, asyncpg.PostgresError):
        found = store_error(error)
        return None if found is None else f"{found}."
    return None
