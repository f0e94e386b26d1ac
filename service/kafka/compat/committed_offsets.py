"""The error of an answer about committed offsets.

A broker that starts, stops or has just become the group's coordinator answers with an error of the whole answer
(KIP-88) and no partitions. aiokafka reads only the partitions, so it would take every partition for one without a
committed offset and read it from its start. This module puts the error where aiokafka looks.
"""

from typing import Any

from aiokafka.errors import GroupCoordinatorNotAvailableError, NotCoordinatorForGroupError
from aiokafka.protocol.commit import OffsetFetchRequest_v2, OffsetFetchRequest_v3

_NOWHERE, _NO_OFFSET = -1, -1


def read_errors_of_committed_offsets() -> None:
    """Patch the answers of this process's clients. Idempotent."""
    for request in (OffsetFetchRequest_v2, OffsetFetchRequest_v3):
        if not issubclass(request.RESPONSE_TYPE, _Answer):
            request.RESPONSE_TYPE = type("OffsetFetchResponse", (_Answer, request.RESPONSE_TYPE), {})


class _Answer:
    """An answer whose error is repeated as a partition's error."""

    topics: list[Any]
    error_code: int

    def __init__(self, *fields: Any, **named: Any) -> None:
        super().__init__(*fields, **named)
        if self.error_code:
            # aiokafka would not retry after an error that it does not expect of a partition.
            gone = self.error_code == GroupCoordinatorNotAvailableError.errno
            code = NotCoordinatorForGroupError.errno if gone else self.error_code
            self.topics = [("", [(_NOWHERE, _NO_OFFSET, "", code)])]
