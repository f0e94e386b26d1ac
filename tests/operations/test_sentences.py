"""Facts, decisions and commands in words: no message is shown by the name of its type."""

import json
from collections.abc import Mapping
from typing import Any, get_args

import pytest
from purchasing_contracts.base import MessageData
from purchasing_contracts.decisions import FactGround
from purchasing_contracts.generate.valid import valid_examples
from purchasing_contracts.privacy import private_of
from purchasing_contracts.topics import TOPICS

from service.operations.sentence import Amount, Id, listed, sentence, translate, word
from service.operations.wording import GROUNDS, fact_in_words, output_in_words

RECEIVED = [message for topic in TOPICS if topic.direction == "in" for message in topic.messages]
PUBLISHED = [
    message for topic in TOPICS if topic.name.split(".")[1] in ("commands", "decisions") for message in topic.messages
]


def examples(message: type[MessageData]) -> list[Any]:
    """The data of its valid examples, from the least to the most that it may have."""
    found = [one["data"] for name, one in valid_examples(message.TYPE).items() if not name.endswith(".record")]
    return [message.model_validate_json(json.dumps(data)) for data in found]


@pytest.mark.parametrize("message", RECEIVED, ids=lambda message: message.TYPE)
def test_each_fact_has_a_sentence_without_private_members(message: type[MessageData]) -> None:
    for data in examples(message):
        words = fact_in_words(data)
        assert words.endswith(".")
        assert message.TYPE not in words, "add a sentence to _FACTS in service/operations/wording.py"
        assert not [text for text in texts(private_of(data)) if text in words]


@pytest.mark.parametrize("message", PUBLISHED, ids=lambda message: message.TYPE)
def test_each_output_has_a_sentence(message: type[MessageData]) -> None:
    for data in examples(message):
        words = output_in_words(data)
        assert words.endswith(".")
        assert message.TYPE not in words, "add a sentence to _OUTPUTS in service/operations/wording.py"
        assert "None" not in words


def test_each_ground_of_an_ignored_fact_has_words() -> None:
    assert GROUNDS.keys() == set(get_args(FactGround))


@pytest.mark.parametrize(
    ("data", "words"),
    [
        ({"receipt_id": "rec-1"}, "the goods (rec-1)"),
        ({"receipt_id": "rec-1", "final": False}, "part of the goods (rec-1)"),
        ({"receipt_id": "rec-1", "items": [{"item_id": "1", "quantity": 2}]}, "part of the goods: 2 of item 1 (rec-1)"),
        (
            {"receipt_id": "rec-1", "items": [{"item_id": "1"}], "final": True},
            "the last part of the goods: item 1 (rec-1)",
        ),
    ],
    ids=["all", "a part", "units", "the last part"],
)
def test_the_sentence_of_a_receipt_has_its_items_and_whether_it_is_final(data: dict[str, Any], words: str) -> None:
    (message,) = [one for one in RECEIVED if one.TYPE == "purchasing.warehouse.goods_received.v1"]
    told = fact_in_words(message.model_validate_json(json.dumps(data)))
    assert told == f"The warehouse received {words}, without objections."


class Loud:
    """A language that shows what `translate` was given."""

    def template(self, template: str) -> str:
        return template.upper().replace("{AMOUNT}", "{amount}").replace("{ID}", "{id}")

    def plain(self, text: object) -> Any:
        return f"<{text}>"

    def filled(self, template: str, arguments: Mapping[str, Any]) -> str:
        return template.format(**arguments)

    def enumeration(self, parts: list[Any]) -> Any:
        return "+".join(parts)


def test_a_sentence_is_english_and_can_be_translated_later() -> None:
    paid = sentence("The buyer paid {amount} ({id}).", amount=Amount("¥5.00"), id=Id("pay-{1}"))
    assert paid == "The buyer paid ¥5.00 (pay-{1})."
    assert translate(paid, Loud()) == "THE BUYER PAID <¥5.00> (<pay-{1}>)."
    assert translate(listed([word("a_b"), sentence("c")]), Loud()) == "A B+C"
    assert translate("{as it is}", Loud()) == "<{as it is}>"


def texts(value: Any) -> list[str]:
    if isinstance(value, str):
        return [value]
    children = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return [text for child in children for text in texts(child)]
