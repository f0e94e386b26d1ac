"""Everything that knows the insides of aiokafka and FastStream: undocumented members, patches, protocol requests.

`install()` patches aiokafka for this process; the composition root calls it once, before it makes a client. A new
version of aiokafka is held against this package alone: each member is looked at by a test that fails where it is gone.

| member | module | why | upstream | guard test | can go when |
|---|---|---|---|---|---|
| `AIOKafkaProducer._closed`, `._sender`, `._message_accumulator`, `._txn_manager`; `Sender.sender_task`; `MessageAccumulator._batches`; `MessageBatch._drain_waiter`, `._msg_futures`; `TransactionManager._transaction_waiter` | `client_shutdown` | `stop()` waits for a broker that is away, for ever; a fenced producer can't be stopped | aio-libs/aiokafka#1101 | `test_client_shutdown` | `stop()` takes a time limit |
| `AIOKafkaConsumer._coordinator`, `._client`; `GroupCoordinator._coordination_task`, `._heartbeat_task` | `client_shutdown`, `group_coordinator` | the same for a consumer; and that the task which keeps it in its group has failed | aio-libs/aiokafka#773 (`stop()`), #1037 (no word of a task that failed) | `test_client_shutdown`, `test_batch` | the consumer raises what its coordination ended with |
| `OffsetFetchRequest_v2`, `_v3` `.RESPONSE_TYPE` | `committed_offsets` | an error of the whole answer is read as "nothing committed" | none found; the same fault in another client: Parsely/pykafka#958 | `test_committed_offsets` | aiokafka reads the answer's own error code |
| `Fetcher.fetched_records`, `FetchResult.getall`, `._partition_records`, `._topic_partition`, `._update_position`; `fetcher.PartitionRecords._unpack_records`; `fetcher.MemoryRecords`, `_MemoryRecordsPy._next_slice` | `fetched_records` | records handed out by number and not by size; unread ones kept alive by a cycle | none found | `test_fetched_records` | `getmany` takes a limit in bytes |
| `DefaultRecordBase`, `DefaultRecordBatch`, `decode_varint` | `compressed_batches` | a batch is expanded whatever it comes to | none found; a limit in brokers: apache/kafka#23429 | `test_compressed_batches` | the consumer has a limit on what a batch expands to |
| `_DefaultRecordBatchPy._buffer` | `header_names` | a header's name that is not UTF-8 stops its partition | none found (ag2ai/faststream#2458 is about values) | `test_fetched_records` | names are handed out as bytes |
| `AIOKafkaConsumer._fetcher`; `Fetcher._fetch_min_bytes`, `._fetch_max_wait_ms` | `fetch_pacing` | the broker answers with the first record there is, also under load | none found | `test_fetch_pacing` | both can be set on a running consumer, or latency under load matters less |
| `AIOKafkaClient._metadata_update`, `._retry_backoff` | `outage_noise` | metadata asked for thousands of times a second while a broker is away | aio-libs/aiokafka#1155 is the same in the fetcher | `test_outage_noise` | the client waits between attempts |
| `AIOKafkaAdminClient._send_request`; `protocol.metadata`, `protocol.api`, `protocol.types` | `admin`, `acl_probe` | topics described without being made, and with what the broker lets this user do with them | none found (aio-libs/aiokafka#955 asks for ACLs) | `test_topics`, `test_kafka_acls` | the admin client has both calls |
| `DescribeGroupsRequest_v3.RESPONSE_TYPE` | `acl_probe` | what the broker lets this user do with a group is read away | none found | `test_doctor`, `test_kafka_acls` | aiokafka reads version 3 by its own schema |
| `AIOKafkaConnection.connect`, `.send`, `._loop`, `._do_sasl_handshake`, `._sasl_oauth_token_provider`; `conn.CloseReason` | `reauthentication` | a session with a limit ends its connection instead of being renewed (KIP-368) | aio-libs/aiokafka#1080, #1105 | `test_reauthentication` | aiokafka authenticates anew |
| `conn.OAuthAuthenticator` | `tokens` | a broker's refusal of a token is not told to whoever connects | none found | `test_tokens` | the error says why the token is refused |
| `conn.create_conn`, `protocol.admin.SaslHandShakeRequest`, `protocol.metadata.MetadataRequest` | `diagnosis` | why a broker lets nobody in, and what its port speaks | none found | `test_diagnosis` | `bootstrap` says why |
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
    """Patch aiokafka for this process, and quiet the event loop where one is given. Idempotent."""
    read_errors_of_committed_offsets()
    read_operations_on_groups()
    limit_fetched_records()
    pause_between_attempts()
    reauthenticate_in_place()
    notice_refusals()
    if loop is not None:
        quiet_left_over_futures(loop)
