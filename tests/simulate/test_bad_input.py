"""Bad input of simulate: bad events are listed and the others go on; a broken document is refused."""

import json

import pytest

from service.cli import main
from service.simulate.input import InputError, read_input
from tests.golden import CASES

DOCUMENT = json.loads((CASES / "01-effective-on-payment.json").read_text())
LINES = [json.dumps(event) for event in DOCUMENT["events"]]


def simulate(tmp_path, text: str | bytes, *options: str) -> int:
    path = tmp_path / "events"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return main(["simulate", str(path), *options])


def notices(out: bytes) -> list[tuple[str, str, int]]:
    found = [json.loads(line) for line in out.splitlines()]
    return [
        (one["data"]["reason"], one["data"]["place"], one["data"]["offset"])
        for one in found
        if one["type"] == "purchasing.record.quarantined.v1"
    ]


BAD = {
    "not JSON": ("{nonsense", ("not_json", "")),
    "not an event": ('{"specversion": "1.0"}', ("not_cloudevent", "/id")),
    "an unknown type": (LINES[1].replace("accepted", "expected"), ("unknown_type", "/type")),
    "one of our own": (LINES[1].replace("order.accepted", "refund.issue"), ("wrong_topic", "/type")),
    "no whole number": (LINES[2].replace("1200", "1200.0"), None),
    "a power of ten": (LINES[2].replace("1200", "12e2"), None),
    "mixed currencies": (LINES[2].replace("CNY", "USD", 1), None),
}


@pytest.mark.parametrize("name", BAD)
def test_a_bad_event_is_reported_with_a_notice_and_the_others_go_on(name: str, tmp_path, capfdbinary) -> None:
    bad, expected = BAD[name]
    code = simulate(tmp_path, "\n".join([LINES[0], bad, *LINES[1:]]))
    out, err = capfdbinary.readouterr()
    decisions = [json.loads(line)["data"].get("outcome") for line in out.splitlines()]

    assert code == 3
    assert [offset for _, _, offset in notices(out)] == [1]
    assert expected in (None, notices(out)[0][:2])
    assert err.startswith(b"simulate: line 2 is quarantined: ")
    assert err.count(b"\n") == 1
    assert "effective" in decisions


def test_a_number_is_judged_as_it_was_written_in_an_array_too(tmp_path, capfdbinary) -> None:
    text = json.dumps(DOCUMENT, indent=1).replace("1200", "12e2")
    code = simulate(tmp_path, text)
    out, _ = capfdbinary.readouterr()

    assert code == 3
    assert [reason for reason, _, _ in notices(out)] == ["schema", "schema"]


def test_an_event_far_beyond_the_end_is_taken_at_its_own_time_and_reported(tmp_path, capfdbinary) -> None:
    late = LINES[2].replace(json.loads(LINES[2])["time"], "2199-12-31T00:00:00Z")
    within = simulate(tmp_path, "\n".join(LINES), "--until", "2026-06-01T00:00:00Z")
    quiet = capfdbinary.readouterr()
    beyond = simulate(tmp_path, "\n".join([*LINES[:2], late]), "--until", "2026-06-01T00:00:00Z")
    out, err = capfdbinary.readouterr()
    meant = simulate(tmp_path, "\n".join([*LINES[:2], late]), "--until", "2199-12-31T00:00:00Z")

    assert (within, beyond, meant) == (0, 0, 0)
    assert b"in_the_future" not in quiet.err + capfdbinary.readouterr().err
    assert b"line 3 is dated 2199-12-31T00:00:00Z, after the end of the simulation, 2026-06-01T00:00:00Z" in err
    assert b"(in_the_future)" in err
    assert notices(out) == []


def test_the_same_message_with_other_content_is_a_conflict(tmp_path, capfdbinary) -> None:
    code = simulate(tmp_path, "\n".join([*LINES, LINES[2].replace("pay-1", "pay-2")]))
    out, err = capfdbinary.readouterr()

    assert (code, notices(out)) == (3, [("conflict", "/data", 3)])
    assert b"pay-2" not in out + err


@pytest.mark.parametrize(
    "text",
    ['{\n "name": "broken",\n "events": [', "[\n {},\n ]", "{\n"],
    ids=["a document without an end", "a comma too many", "a brace"],
)
def test_a_document_that_is_broken_as_a_whole_is_refused(text: str, tmp_path, capfdbinary) -> None:
    code = simulate(tmp_path, text)
    out, err = capfdbinary.readouterr()

    assert (code, out) == (2, b"")
    assert b"line" in err


def test_unreadable_input_is_reported_in_a_line(tmp_path, capfdbinary) -> None:
    code = main(["simulate", str(tmp_path / "nowhere.json")])
    out, err = capfdbinary.readouterr()

    assert (code, out, err.count(b"\n")) == (2, b"", 1)
    assert b"No such file" in err


def test_a_time_without_offset_is_no_time(tmp_path, capfdbinary) -> None:
    with pytest.raises(SystemExit) as ended:
        simulate(tmp_path, LINES[0], "--until", "2026-03-02T10:00:00")

    assert ended.value.code == 2
    assert b"--until" in capfdbinary.readouterr().err


def test_terms_that_can_t_be_read_are_refused(tmp_path, capfdbinary) -> None:
    terms = tmp_path / "terms.toml"
    terms.write_text("[[terms]]\nversion = 1\n")

    assert simulate(tmp_path, LINES[0], "--terms", str(terms)) == 2
    assert capfdbinary.readouterr().err.startswith(b"simulate: ")


def test_terms_change_what_is_due(tmp_path, capfdbinary) -> None:
    case = CASES / "11-cancel-before-purchase.json"
    terms = tmp_path / "terms.toml"
    terms.write_text(
        '[[terms]]\nversion = "keeps"\nprovider_id = "*"\neffective_from = 2026-01-01T00:00:00Z\n'
        "refund_fee_on_cancellation = true\n"
    )
    amounts = []
    for options in ([], ["--terms", str(terms)]):
        assert main(["simulate", str(case), *options]) == 0
        found = [json.loads(line)["data"] for line in capfdbinary.readouterr().out.splitlines()]
        amounts += [(one["terms_version"], one["amount"]["value"]) for one in found if "command_id" in one]

    assert amounts[0][0] == "standard"
    assert amounts[1][0] == "keeps"
    assert amounts[0][1] != amounts[1][1]


def test_rules_that_raise_leave_the_other_orders_alone(tmp_path, capfdbinary, monkeypatch) -> None:
    from service.orders import unit_of_work
    from service.rules.decide import decide

    monkeypatch.setattr(
        unit_of_work, "decide", lambda order, *rest: 1 / 0 if order == "ord-1001" else decide(order, *rest)
    )
    others = [line.replace("ord-1001", "ord-2002") for line in LINES]
    code = simulate(tmp_path, "\n".join([*LINES, *others]))
    out, err = capfdbinary.readouterr()

    assert code == 4
    assert [json.loads(line)["subject"] for line in out.splitlines()] == ["ord-2002"]
    assert b"the rules failed on order ord-1001: ZeroDivisionError" in err


def test_a_reader_that_has_enough_ends_it_quietly(tmp_path, monkeypatch, capfd) -> None:
    class Closed:
        class buffer:  # noqa: N801 - as the standard output has it
            @staticmethod
            def write(_: bytes) -> int:
                raise BrokenPipeError

        @staticmethod
        def fileno() -> int:
            return 1

    monkeypatch.setattr("sys.stdout", Closed)

    assert simulate(tmp_path, "\n".join(LINES)) == 0


def test_no_input_is_no_event() -> None:
    assert read_input(b" \n\t") == ([], None)


def test_one_event_by_itself_is_one_event() -> None:
    raw = json.dumps(DOCUMENT["events"][0], indent=2).encode()

    assert [raw] == [item.value for item in read_input(raw).events]


def test_a_byte_order_mark_and_windows_line_ends_do_no_harm() -> None:
    raw = b"\xef\xbb\xbf" + "\r\n".join(LINES).encode()

    assert [item.value.decode().strip() for item in read_input(raw).events] == LINES


def test_a_line_that_is_no_utf_8_is_one_bad_event() -> None:
    raw = b"\n".join([LINES[0].encode(), b"\xff\xfe", LINES[1].encode()])

    assert [item.where for item in read_input(raw).events] == ["line 1", "line 2", "line 3"]


def test_an_empty_array_has_no_events_and_a_number_in_it_is_a_bad_one() -> None:
    assert read_input(b"[]").events == []
    assert [item.value for item in read_input(b"[1, [2]]").events] == [b"1", b"[2]"]


def test_a_nesting_without_end_is_refused_not_followed() -> None:
    with pytest.raises(InputError):
        read_input(b"[\n" + b"[" * 100_000)
