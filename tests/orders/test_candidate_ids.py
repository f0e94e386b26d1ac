"""The orders that a quarantined record may concern: each id that can be read from it, however garbled."""

import json

import asyncpg
import pytest

from service.orders.candidate_ids import CANDIDATES_MAX, candidate_ids
from service.store.order_hash import fold, order_hash

BOM = "\ufeff"
GARBLED = {
    "as it is": "q-1",
    "a path": "orders/q-1",
    "an absolute path": "/orders/q-1/",
    "a path that goes on": "/v1/orders/q-1/payments/pay-9",
    "a URL": "https://api.example/orders/q-1?expand=all#top",
    "a URN": "urn:order:q-1",
    "a name": "order-q-1",
    "a longer name": "purchase_order_q-1",
    "quotes": '"q-1"',
    "quotes, twice": '"\\"q-1\\""',
    "quotes of a book": "“q-1”",
    "a Python literal": "b'q-1'",
    "angle brackets": "<q-1>",
    "a list": '["q-1"]',
    "an object": '{"order_id":"q-1"}',
    "spaces": "  q-1 ",
    "a no-break space": "\u00a0q-1",
    "a line end of Windows": "q-1\r\n",
    "a tab": "\tq-1",
    "a NUL": "q-1\0",
    "capital letters": "Q-1",
    "full-width letters": "ｑ-1",
    "percent-encoding": "orders%2Fq-1",
    "percent-encoding, twice": "orders%252Fq%252D1",
    "a byte order mark": f"{BOM}q-1",
    "a zero-width space": "q-1\u200b",
    "entities": "&quot;q-1&quot;",
    "a media type's parameter": "order=q-1;charset=utf-8",
    "words before and behind": "payment for order q-1, thank you",
}


@pytest.mark.parametrize("text", GARBLED.values(), ids=GARBLED.keys())
def test_an_id_is_read_from_a_garbled_key_and_subject(text: str) -> None:
    value = json.dumps({"id": "e1", "subject": text}).encode()

    assert "q-1" in candidate_ids(None, text.encode(), None, ())
    assert "q-1" in candidate_ids(None, None, value, ())
    assert "q-1" in candidate_ids(None, None, b"{}", [("ce_subject", text.encode())])


@pytest.mark.parametrize(
    "value",
    [
        b'{"subject":"q-1","data":{"amount":',
        b'{"Subject": "q-1"}',
        b'{"data":{"orderId":"q-1"}}',
        b'{"data":{"order_id" : "q\\u002d1"}}',
        b"\xef\xbb\xbf" + b'{"subject":"q-1"}',
        '{"subject":"q-1"}'.encode("utf-16"),
        b'{"subject":"q-1","note":"\xff"}',
        b'{"data":"' + b"x" * 900_000 + b'","subject":"q-1"}',
        b'{"subject":"q-1","data":"' + b"x" * 900_000 + b'"}',
        b'{"subject":"q-1',
        json.dumps('{"id":"e1","subject":"q-1"}').encode(),
        json.dumps('{"id":"e1","subject":"q-1","data":{').encode()[:-1],
        json.dumps({"payload": '{"id":"e1","subject":"q-1"}'}).encode(),
        b' [{"subject":"q-0"},{"subject":"q-1","da',
    ],
    ids=[
        "cut off", "capital", "order id", "escaped", "byte order mark", "UTF-16", "no UTF-8", "behind much",
        "before much", "no closing quote", "a string", "half a string", "a string in an object", "half a batch",
    ],
)  # fmt: skip
def test_an_id_is_read_from_a_value_that_is_no_message(value: bytes) -> None:
    assert "q-1" in candidate_ids(None, None, value, ())


@pytest.mark.parametrize("frame", [b"", b"\0\0\0\0\7"], ids=["alone", "after a registry's frame"])
def test_a_batch_is_about_the_order_of_each_event_in_it(frame: bytes) -> None:
    orders = [f"q-{number}" for number in range(CANDIDATES_MAX)]
    batch = [{"id": "e1", "subject": order, "data": {"text": "x" * 5_000}} for order in orders]

    assert candidate_ids(None, None, frame + json.dumps(batch).encode(), ()) == tuple(orders)


def test_a_number_and_bytes_that_are_no_utf_8_are_read_too() -> None:
    assert "1001" in candidate_ids(None, None, b'{"subject":1001}', ())
    assert "q-1" in candidate_ids(None, b"\xffq-1\xfe", None, ())
    assert "q-1" in candidate_ids(None, "q-1".encode("utf-16"), None, ())


def test_key_and_subject_that_name_two_orders_are_both_candidates() -> None:
    found = candidate_ids("a-1", b"b-2", b'{"subject":"a-1"}', ())

    assert {"a-1", "b-2"} <= set(found)
    assert found[0] == "a-1"


def test_an_id_with_signs_of_its_own_is_read_out_of_a_path() -> None:
    assert "shop/7:q 1" in candidate_ids(None, b"/orders/shop/7:q 1/", None, ())


def test_letters_beyond_ascii_are_read_in_either_case() -> None:
    assert fold("ÖL-1") in candidate_ids(None, "öl-1".encode(), None, ())
    assert fold("öl-1") in candidate_ids(None, "ÖL-1".encode(), None, ())


def test_a_record_in_which_nothing_looks_like_an_id_concerns_nobody() -> None:
    assert candidate_ids(None, None, None, ()) == ()
    assert candidate_ids(None, None, b"{", ()) == ()


@pytest.mark.parametrize(
    "hostile",
    [
        b'"subject":"' * 90_000,
        b'"subject"' + b" " * 900_000,
        b'"order' * 150_000,
        b"a/" * 450_000,
        b"a-" * 450_000,
        b"%25" * 300_000,
        b'{"subject":"' + b"\\" * 900_000,
        bytes(900_000),
    ],
    ids=["members", "spaces", "halves of names", "words", "prefixes", "percent signs", "backslashes", "NULs"],
)
def test_a_hostile_record_names_a_bounded_number_of_orders(hostile: bytes) -> None:
    """Each of these takes milliseconds, and would take hours in a search that goes back on its way."""
    found = candidate_ids("ord-1", hostile, hostile, [("ce_subject", hostile)])

    assert len(found) <= CANDIDATES_MAX
    assert all(0 < len(one) <= 128 for one in found)
    assert found[0] == "ord-1"


def test_ids_that_differ_in_the_case_of_their_letters_have_one_hash() -> None:
    assert order_hash("Q-1") == order_hash("q-1") != order_hash("q-2")


@pytest.mark.parametrize("order_id", ["q-1", "Q-1", "ÖL-1", "a\\b", "a\\\\001", "'", "ｑ-1", "🛒", "x" * 128, " ", "%"])
async def test_the_database_hashes_an_id_as_the_service_does(database: str, order_id: str) -> None:
    connection = await asyncpg.connect(database)
    hashed = await connection.fetchval("select purchasing_order_hash($1)", order_id)
    await connection.close()

    assert hashed == order_hash(order_id)
