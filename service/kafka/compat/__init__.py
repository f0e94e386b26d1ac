"""Everything that depends on the internals of aiokafka and FastStream: undocumented members, patches, protocol requests.

`install()` patches aiokafka for this process. The composition root calls it once, before it creates a client. For a new
version of aiokafka check only this package: for each line, a test on a real broker fails without the workaround, and
where the fault can be provoked a second one fails as soon as aiokafka itself does better. `test_table` holds the lines
against the package and the installed aiokafka. `reports/` has the two reports to its maintainers.

| member | module | why | upstream | guard test | can go when |
|---|---|---|---|---|---|
| `AIOKafkaProducer._closed`, `._sender`, `._message_accumulator`, `._txn_manager`; `Sender.sender_task`; `MessageAccumulator._batches`; `MessageBatch._drain_waiter`, `._msg_futures`; `TransactionManager._transaction_waiter` | `client_shutdown` | `stop()` waits for a broker that is away, for ever; cancelled, it leaves tasks that go on | `reports/producer_stop.md`; aio-libs/aiokafka#1101 | `test_client_shutdown` | `stop()` takes a time limit |
| `AIOKafkaConsumer._coordinator`, `._fetcher`, `._client` | `client_shutdown` | the same for a consumer, for as long as a request may take, several times | aio-libs/aiokafka#773 | `test_client_shutdown`, `test_outage_noise` | `stop()` takes a time limit |
| `AIOKafkaConsumer._coordinator`, `._fetcher`; `GroupCoordinator._coordination_task`, `._heartbeat_task`; `Fetcher._fetch_task` | `group_coordinator` | to see that a task failed without which a consumer can't go on: the one that keeps it in its group (every poll raises, as for a passing error), the one that fetches (no poll returns a record) or the one that sends heartbeats (the member is removed and does not join again) | aio-libs/aiokafka#1037 | `test_group_coordinator`, `test_batch` | the consumer says that it can't go on |
| `OffsetFetchRequest_v2.RESPONSE_TYPE`, `OffsetFetchRequest_v3.RESPONSE_TYPE` | `committed_offsets` | an error of the whole answer is read as "nothing committed", since aiokafka 0.13 | `reports/offset_fetch.md`; the same fault in other clients: Parsely/pykafka#958, confluentinc/librdkafka#5586 | `test_committed_offsets` | aiokafka reads the answer's own error code |
| `Fetcher.fetched_records`; `FetchResult.getall`, `._partition_records`, `._topic_partition`, `._update_position`; `PartitionRecords._unpack_records`; `fetcher.PartitionRecords`, `fetcher.MemoryRecords`; `default_records.DefaultRecord`, `default_records.DefaultRecordBatch`; `_MemoryRecordsPy._next_slice` | `fetched_records` | the limit is a number of records and not their size; a cycle keeps unread records alive | none found | `test_fetched_records` | `getmany` takes a limit in bytes |
| `default_records.DefaultRecordBase`, `default_records.DefaultRecordBatch`; `record.util.decode_varint` | `compressed_batches` | a batch is expanded without a limit | none found; a limit in brokers: apache/kafka#23429 | `test_compressed_batches` | the consumer limits expanded batches |
| `_DefaultRecordBatchPy._buffer` | `header_names` | a header's name that is not UTF-8 stops its partition | none found (ag2ai/faststream#2458 is about values) | `test_fetched_records` | names are returned as bytes |
| `AIOKafkaConsumer._fetcher`; `Fetcher._fetch_min_bytes`, `._fetch_max_wait_ms` | `fetch_pacing` | the broker answers with the first record, also under load | none found | `test_fetch_pacing` | both can be set on a running consumer, or latency under load matters less |
| `AIOKafkaClient._metadata_update`, `._retry_backoff` | `outage_noise` | metadata is requested hundreds of times per second while a broker is away | aio-libs/aiokafka#1155 is the same in the fetcher | `test_outage_noise` | the client waits between attempts |
| `AIOKafkaAdminClient._send_request`; `metadata.MetadataRequest` | `admin` | describe topics without creating them | none found | `test_admin` | `describe_topics` can ask so |
| `AIOKafkaAdminClient._send_request`; `api.Request`, `api.RequestStruct`, `api.Response`; `protocol.types.Array`, `protocol.types.Boolean`, `protocol.types.Int16`, `protocol.types.Int32`, `protocol.types.Schema`, `protocol.types.String` | `acl_probe` | describe topics with the operations allowed to this user | none found (aio-libs/aiokafka#955 asks for ACLs) | `test_acl_probe`, `test_kafka_acls` | the admin client has this request |
| `DescribeGroupsRequest_v3.RESPONSE_TYPE`; `protocol.admin.DescribeGroupsResponse_v3` | `acl_probe` | the operations allowed on a group are not read from the answer | none found | `test_acl_probe`, `test_kafka_acls` | aiokafka reads version 3 by its own schema |
| `AIOKafkaConnection.connect`, `.send`, `._loop`, `._do_sasl_handshake`, `._sasl_oauth_token_provider`; `conn.CloseReason`; `protocol.admin.SaslAuthenticateRequest`, `protocol.admin.SaslHandShakeRequest` | `reauthentication` | a session with a time limit ends its connection instead of being renewed (KIP-368) | aio-libs/aiokafka#1080, #1105 | `test_reauthentication` | aiokafka authenticates again |
| `OAuthAuthenticator.step`, `._token_sent` | `tokens` | the client does not learn that the broker refused its token | none found | `test_tokens` | the error says why the token is refused |
| `conn.create_conn`; `protocol.admin.SaslHandShakeRequest`; `metadata.MetadataRequest` | `diagnosis` | why a broker refuses a client, and what its port speaks | none found | `test_diagnosis` | `bootstrap` says why |
"""  # noqa: E501 - a table

from __future__ import annotations

from typing import TYPE_CHECKING

from service.kafka.compat.acl_probe import read_operations_on_groups
from service.kafka.compat.committed_offsets import read_errors_of_committed_offsets
from service.kafka.compat.fetched_records import limit_fetched_records
from service.kafka.compat.outage_noise import pause_between_attempts, quiet_left_over_futures
from service.kafka.compat.reauthentication import reauthenticate_in_place
from service.kafka.compat.tokens import notice_refusals

if TYPE_CHECKING:
    import asyncio


def install(loop: asyncio.AbstractEventLoop | None = None) -> None:
    """Patch aiokafka for this process, and quiet the event loop if one is given. Idempotent."""
    read_errors_of_committed_offsets()
    read_operations_on_groups()
    limit_fetched_records()
    pause_between_attempts()
    reauthenticate_in_place()
    notice_refusals()
    if loop is not None:
        quiet_left_over_futures(loop)
