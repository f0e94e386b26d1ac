"""The meaning of errors of PostgreSQL and Kafka: one table, by SQLSTATE and by Kafka's error class.

This table decides whether something is retried, ends the process or stops a lane.
"""

from __future__ import annotations

import re
import ssl
from enum import Enum
from typing import TYPE_CHECKING, NamedTuple

from aiokafka import errors as kafka

if TYPE_CHECKING:
    from collections.abc import Mapping


class ErrorClass(Enum):
    """A class of errors: who can repair it, and what the service does."""

    WAIT = "it passes: retry later, with the reason in the log"
    SETTING = "a person changes the settings, or the server: end at once with a sentence"
    RIGHT = "a person grants the user a right: end at once with a sentence"
    SCHEMA = "a person migrates the database, or creates topics: end at once with a sentence"
    VALUE = "the server never takes this value: halve the batch; stop the lane at the record"
    FENCED = "another process took over: give up what it took"
    FAULT = "unexpected: a fault in this program"

    @property
    def is_for_a_person(self) -> bool:
        """Whether only a person can help."""
        return self in (ErrorClass.SETTING, ErrorClass.RIGHT, ErrorClass.SCHEMA)


WAIT, SETTING, RIGHT, SCHEMA, VALUE, FENCED, FAULT = ErrorClass


class SqlState(NamedTuple):
    """The meaning of a SQLSTATE, or of a class of them."""

    meaning: ErrorClass
    shown: bool = False
    """Whether the server's text may be shown, because it contains no values."""
    advice: str = ""
    """The remedy, beyond the server's text."""


CHECK_ACCESS = "check its user, its password and its database"
SESSIONS_NEEDED = (
    "a pooler stands between this program and PostgreSQL, and hands the connection to others between two transactions "
    "(transaction or statement pooling): LISTEN, session locks, a session's limits and the comparison of the "
    "database's timelines need a connection that stays theirs. Set pool_mode = session for this database, or connect "
    "to PostgreSQL itself"
)

SQLSTATES: Mapping[str, SqlState] = {
    "00": SqlState(FAULT),  # success, warnings, no data: no errors
    "01": SqlState(FAULT),
    "02": SqlState(FAULT),
    "03": SqlState(FAULT),
    "08": SqlState(WAIT, shown=True),  # connections; poolers use 08P01 for all their errors
    "09": SqlState(FAULT),
    "0A": SqlState(SETTING, shown=True, advice="this server, or a pooler before it, lacks what the service needs"),
    "0B": SqlState(FAULT),
    "0F": SqlState(FAULT),
    "0L": SqlState(RIGHT, shown=True),
    "0P": SqlState(RIGHT, shown=True),
    "0Z": SqlState(FAULT),
    "10": SqlState(FAULT),
    "20": SqlState(FAULT),
    "21": SqlState(FAULT),
    "22": SqlState(VALUE),
    "23": SqlState(FAULT),  # except one constraint, which the store handles
    "24": SqlState(FAULT),
    "25": SqlState(FAULT, shown=True),
    "25006": SqlState(WAIT, shown=True),  # read-only: demoted, or not promoted yet
    "25P03": SqlState(WAIT, shown=True),  # idle in a transaction for too long: this process was frozen
    "25P04": SqlState(WAIT, shown=True),  # transaction_timeout
    "26": SqlState(SETTING, advice=SESSIONS_NEEDED),  # the driver prepares its statements itself, once a connection
    "27": SqlState(FAULT),
    "28": SqlState(SETTING, shown=True, advice=CHECK_ACCESS),
    "2B": SqlState(RIGHT, shown=True),
    "2D": SqlState(FAULT),
    "2F": SqlState(FAULT),
    "34": SqlState(FAULT),
    "38": SqlState(FAULT),
    "39": SqlState(FAULT),
    "3B": SqlState(FAULT),
    "3D": SqlState(SETTING, shown=True, advice=CHECK_ACCESS),
    "3F": SqlState(SCHEMA, shown=True),
    "40": SqlState(WAIT, shown=True),  # deadlocks, serialization
    "42": SqlState(FAULT, shown=True),
    "42501": SqlState(RIGHT, shown=True),
    "42703": SqlState(SCHEMA, shown=True),
    "42P01": SqlState(SCHEMA, shown=True),
    "42P05": SqlState(SETTING, advice=SESSIONS_NEEDED),  # as 26
    "44": SqlState(FAULT),
    "53": SqlState(WAIT, shown=True),  # disk, memory, connections
    "54": SqlState(VALUE),  # beyond the server's limits
    "55": SqlState(WAIT, shown=True),  # locks; a server in recovery; a database that is closed for a while
    "55P02": SqlState(SETTING, shown=True),  # a parameter that can't be set now
    "55P04": SqlState(FAULT, shown=True),
    "57": SqlState(WAIT, shown=True),  # shutdown, start, cancelled
    "58": SqlState(WAIT, shown=True),  # input and output
    "72": SqlState(WAIT),
    "F0": SqlState(SETTING, advice="the server's configuration is at fault: see its log"),
    "HV": SqlState(FAULT),
    "P0": SqlState(FAULT),
    "XX": SqlState(SETTING, advice="PostgreSQL reports an error inside itself: see its log"),
}
"""By SQLSTATE, or by its first two characters; the longer one counts."""

# PgBouncer and other poolers have no codes for their own errors; only the text tells them apart.
_POOLER_TEXTS: tuple[tuple[re.Pattern[str], SqlState], ...] = (
    (re.compile("statement pooling"), SqlState(SETTING, advice=SESSIONS_NEEDED)),
    (
        re.compile("unsupported startup parameter"),
        SqlState(SETTING, shown=True, advice="let the pooler take it, or leave it out of the URL's options"),
    ),
    (
        re.compile(
            "no such (user|database)|(password|SASL) authentication failed|login rejected|auth failed"
            "|role .* does not exist|database .* does not exist|no pg_hba.conf entry"
        ),
        SqlState(SETTING, shown=True, advice=CHECK_ACCESS),
    ),
)

_DRIVER_TEXTS = re.compile("unsupported|gssapi|sspi|server signature|rejected SSL upgrade")

UNKNOWN = SqlState(FAULT)


def sqlstate_meaning(sqlstate: str | None, text: str = "") -> SqlState:
    """Return the meaning of a SQLSTATE; for a pooler's 08P01, by its text."""
    state = sqlstate or ""
    if state == "08P01":
        for pattern, found in _POOLER_TEXTS:
            if pattern.search(text):
                return found
    return SQLSTATES.get(state) or SQLSTATES.get(state[:2]) or UNKNOWN


def driver_meaning(text: str) -> ErrorClass:
    """Return the meaning of the driver's own error while connecting: an unsupported login, or a lost connection."""
    return SETTING if _DRIVER_TEXTS.search(text) else WAIT


def network_meaning(error: OSError) -> ErrorClass:
    """Return the meaning of a network error. Missing TLS and wrong certificates do not pass by themselves."""
    return SETTING if isinstance(error, ssl.SSLCertVerificationError) else driver_meaning(str(error))


KAFKA_ERRORS: Mapping[type[kafka.KafkaError], ErrorClass] = {
    kafka.KafkaError: WAIT,
    # The client's own.
    kafka.IllegalStateError: FAULT,
    kafka.IllegalArgumentError: FAULT,
    kafka.NoBrokersAvailable: WAIT,
    kafka.NodeNotReadyError: WAIT,
    kafka.KafkaProtocolError: WAIT,
    kafka.CorrelationIdError: WAIT,
    kafka.Cancelled: WAIT,
    kafka.TooManyInFlightRequests: WAIT,
    kafka.StaleMetadata: WAIT,
    kafka.MetadataEmptyBrokerList: WAIT,
    kafka.UnrecognizedBrokerVersion: SETTING,
    kafka.IncompatibleBrokerVersion: SETTING,
    kafka.CommitFailedError: WAIT,
    kafka.AuthenticationMethodNotSupported: SETTING,
    kafka.AuthenticationFailedError: SETTING,
    kafka.KafkaUnavailableError: WAIT,
    kafka.KafkaTimeoutError: WAIT,
    kafka.KafkaConnectionError: WAIT,
    kafka.UnsupportedCodecError: FAULT,
    kafka.KafkaConfigurationError: SETTING,
    kafka.QuotaViolationError: WAIT,
    kafka.NoOffsetForPartitionError: WAIT,
    kafka.RecordTooLargeError: VALUE,
    kafka.ProducerClosed: FAULT,
    kafka.ProducerFenced: FENCED,
    # The broker's, by number.
    kafka.BrokerResponseError: WAIT,
    kafka.NoError: FAULT,
    kafka.UnknownError: WAIT,
    kafka.OffsetOutOfRangeError: WAIT,
    kafka.CorruptRecordException: WAIT,
    kafka.UnknownTopicOrPartitionError: WAIT,  # perhaps just created: not every broker knows it yet
    kafka.InvalidFetchRequestError: WAIT,
    kafka.LeaderNotAvailableError: WAIT,
    kafka.NotLeaderForPartitionError: WAIT,
    kafka.RequestTimedOutError: WAIT,
    kafka.BrokerNotAvailableError: WAIT,
    kafka.ReplicaNotAvailableError: WAIT,
    kafka.MessageSizeTooLargeError: VALUE,
    kafka.StaleControllerEpochError: WAIT,
    kafka.OffsetMetadataTooLargeError: FAULT,
    kafka.StaleLeaderEpochCodeError: WAIT,
    kafka.GroupLoadInProgressError: WAIT,
    kafka.GroupCoordinatorNotAvailableError: WAIT,
    kafka.NotCoordinatorForGroupError: WAIT,
    kafka.InvalidTopicError: SCHEMA,
    kafka.RecordListTooLargeError: VALUE,
    kafka.NotEnoughReplicasError: WAIT,
    kafka.NotEnoughReplicasAfterAppendError: WAIT,
    kafka.InvalidRequiredAcksError: FAULT,
    kafka.IllegalGenerationError: WAIT,
    kafka.InconsistentGroupProtocolError: SETTING,
    kafka.InvalidGroupIdError: SETTING,
    kafka.UnknownMemberIdError: WAIT,
    kafka.InvalidSessionTimeoutError: SETTING,
    kafka.RebalanceInProgressError: WAIT,
    kafka.InvalidCommitOffsetSizeError: FAULT,
    kafka.TopicAuthorizationFailedError: RIGHT,
    kafka.GroupAuthorizationFailedError: RIGHT,
    kafka.ClusterAuthorizationFailedError: RIGHT,
    kafka.InvalidTimestampError: VALUE,
    kafka.UnsupportedSaslMechanismError: SETTING,
    kafka.IllegalSaslStateError: SETTING,
    kafka.UnsupportedVersionError: SETTING,
    kafka.TopicAlreadyExistsError: WAIT,
    kafka.InvalidPartitionsError: SETTING,
    kafka.InvalidReplicationFactorError: SETTING,
    kafka.InvalidReplicationAssignmentError: SETTING,
    kafka.InvalidConfigurationError: SETTING,
    kafka.NotControllerError: WAIT,
    kafka.InvalidRequestError: FAULT,
    kafka.UnsupportedForMessageFormatError: SETTING,
    kafka.PolicyViolationError: VALUE,
    kafka.OutOfOrderSequenceNumber: WAIT,
    kafka.DuplicateSequenceNumber: WAIT,
    kafka.InvalidProducerEpoch: FENCED,
    kafka.InvalidTxnState: WAIT,
    kafka.InvalidProducerIdMapping: WAIT,
    kafka.InvalidTransactionTimeout: SETTING,
    kafka.ConcurrentTransactions: WAIT,
    kafka.TransactionCoordinatorFenced: WAIT,
    kafka.TransactionalIdAuthorizationFailed: RIGHT,
    kafka.SecurityDisabled: SETTING,
    kafka.OperationNotAttempted: WAIT,
    kafka.KafkaStorageError: WAIT,
    kafka.LogDirNotFound: WAIT,
    kafka.SaslAuthenticationFailed: SETTING,
    kafka.UnknownProducerId: WAIT,
    kafka.ReassignmentInProgress: WAIT,
    kafka.DelegationTokenAuthDisabled: SETTING,
    kafka.DelegationTokenNotFound: SETTING,
    kafka.DelegationTokenOwnerMismatch: SETTING,
    kafka.DelegationTokenRequestNotAllowed: SETTING,
    kafka.DelegationTokenAuthorizationFailed: RIGHT,
    kafka.DelegationTokenExpired: SETTING,
    kafka.InvalidPrincipalType: SETTING,
    kafka.NonEmptyGroup: WAIT,
    kafka.GroupIdNotFound: WAIT,
    kafka.FetchSessionIdNotFound: WAIT,
    kafka.InvalidFetchSessionEpoch: WAIT,
    kafka.ListenerNotFound: WAIT,
    kafka.MemberIdRequired: WAIT,
}


def kafka_meaning(error: kafka.KafkaError) -> ErrorClass:
    """Return the meaning of a Kafka error, by its nearest class in the table."""
    return next(KAFKA_ERRORS[one] for one in type(error).__mro__ if one in KAFKA_ERRORS)


def kafka_errors(*meanings: ErrorClass) -> tuple[type[kafka.KafkaError], ...]:
    """Return the error classes with one of these meanings, for an `except`."""
    return tuple(error for error, meaning in KAFKA_ERRORS.items() if meaning in meanings)
