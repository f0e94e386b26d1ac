"""Show messages: their schemas, examples, and the AsyncAPI document."""

import argparse
import sys
from typing import Any

from purchasing_contracts.advice import types
from purchasing_contracts.cli.common import FINE, CommandError, type_named
from purchasing_contracts.shipped import examples, root, schema_file
from purchasing_contracts.topics import class_of, topic_of


def add(commands: Any) -> None:
    """Declare the commands."""
    schema = commands.add_parser("schema", help="the JSON Schema of a message; without a type, the list of all")
    schema.add_argument("type", nargs="?", metavar="TYPE", help="such as purchasing.payment.tip_paid.v1, or tip_paid")
    schema.set_defaults(run=show_schema)
    example = commands.add_parser("example", help="an example of a message, right or wrong")
    example.add_argument("type", metavar="TYPE", help="such as purchasing.payment.tip_paid.v1, or tip_paid")
    example.add_argument("name", nargs="?", metavar="NAME", help="which one; default: whole, with every member")
    example.add_argument("--list", action="store_true", help="the names of the examples there are")
    example.set_defaults(run=show_example)
    asyncapi = commands.add_parser("asyncapi", help="the AsyncAPI 3 document of all topics")
    asyncapi.add_argument("--html", action="store_true", help="as a page to read")
    asyncapi.set_defaults(run=show_asyncapi)


def show_schema(given: argparse.Namespace) -> int:
    """Write a schema, or the list of types, to stdout."""
    if given.type is not None:
        sys.stdout.write(schema_file(type_named(given.type)).read_text("utf-8"))
        return FINE
    for type_ in types():
        cls = class_of(type_)
        meaning = " ".join((cls.__doc__ or "").split()) if cls else ""
        topic = topic_of(cls) if cls else None
        way = "" if topic is None else f"{'you write' if topic.direction == 'in' else 'you read'}  {topic.name}"
        sys.stdout.write(f"{type_}\n    {way}\n    {meaning}\n")
    return FINE


def show_example(given: argparse.Namespace) -> int:
    """Write an example, or the names of all, to stdout."""
    type_ = type_named(given.type)
    valid, invalid = examples(type_), examples(type_, "invalid")
    if given.list:
        sys.stdout.writelines(
            f"{kind:8}{name}\n" for kind, all_ in (("valid", valid), ("invalid", invalid)) for name in all_
        )
        return FINE
    name = given.name or "whole"
    path = valid.get(name) or invalid.get(name)
    if path is None:
        raise CommandError(f"{type_} has no example {name}. It has: {', '.join([*valid, *invalid])}")
    sys.stdout.write(path.read_text("utf-8"))
    return FINE


def show_asyncapi(given: argparse.Namespace) -> int:
    """Write the document to stdout."""
    sys.stdout.write((root() / ("asyncapi.html" if given.html else "asyncapi.json")).read_text("utf-8"))
    return FINE
