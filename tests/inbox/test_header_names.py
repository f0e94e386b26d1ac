"""A header's name may be any bytes: the record is read, and so are its neighbours."""

import io

import pytest
from aiokafka.consumer import fetcher
from aiokafka.record.default_records import DefaultRecordBatch, _DefaultRecordBatchBuilderPy
from aiokafka.record.memory_records import MemoryRecords

from service.inbox.header_names import tolerate_any_header_name


class Name(str):
    """A name that goes out as the bytes it was made of."""

    __slots__ = ()

    def encode(self, *_):
        return str.encode(self, "utf-8", "surrogateescape")


def batch(names, compression=DefaultRecordBatch.CODEC_NONE, base_offset=0):
    """A record batch as it lies in a log: a record a header name, key and value numbered."""
    builder = _DefaultRecordBatchBuilderPy(
        magic=2,
        compression_type=compression,
        is_transactional=0,
        producer_id=-1,
        producer_epoch=-1,
        base_sequence=-1,
        batch_size=1 << 20,
    )
    for number, name in enumerate(names):
        headers = [] if name is None else [(Name(name), b"v"), ("nothing", None)]
        assert builder.append(number, 1000 + number, b"k%d" % number, b"v%d" % number, headers)
    data = builder.build()
    data[0:8] = base_offset.to_bytes(8, "big")
    return bytes(data)


@pytest.fixture
def read(monkeypatch):
    monkeypatch.setattr(fetcher, "MemoryRecords", fetcher.MemoryRecords)
    tolerate_any_header_name()

    def read(data):
        found, records = [], fetcher.MemoryRecords(data)
        while records.has_next():
            one = records.next_batch()
            assert one.validate_crc()
            assert not one.is_control_batch
            found += [(r.offset, r.timestamp, r.key, r.value, list(r.headers)) for r in one]
            assert found[-1][0] == one.next_offset - 1
        return found

    return read


def test_this_is_needed_because_aiokafka_stops_at_such_a_record():
    with pytest.raises(UnicodeDecodeError):
        list(MemoryRecords(batch(["\udcff"])).next_batch())


COMPRESSIONS = {"none": 0, "gzip": 1, "snappy": 2, "lz4": 3, "zstd": 4}


@pytest.mark.parametrize("compression", COMPRESSIONS.values(), ids=COMPRESSIONS)
def test_the_record_and_its_neighbours_are_read(read, compression):
    found = read(batch([None, "plain", "bad\udcff\udcfe", None], compression))
    assert [(key, value) for _, _, key, value, _ in found] == [(b"k%d" % n, b"v%d" % n) for n in range(4)]
    assert [offset for offset, *_ in found] == [0, 1, 2, 3]
    names = [[name for name, _ in headers] for *_, headers in found]
    assert names == [[], ["plain", "nothing"], ["bad\udcff\udcfe", "nothing"], []]
    assert found[2][4] == [("bad\udcff\udcfe", b"v"), ("nothing", None)]


def test_batches_before_and_behind_it_are_read(read):
    log = io.BytesIO()
    for nth, names in enumerate((["a"], ["\udc80"], ["b"])):
        log.write(batch(names, base_offset=nth))
    assert [headers[0][0] for *_, headers in read(log.getvalue())] == ["a", "\udc80", "b"]


def test_what_is_read_both_ways_is_the_same(read):
    plain = batch(["name", None, "näme"])
    assert read(plain) == [
        (r.offset, r.timestamp, r.key, r.value, list(r.headers)) for r in MemoryRecords(plain).next_batch()
    ]
