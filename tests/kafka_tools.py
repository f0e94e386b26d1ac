"""Kafka's own programs of the command line, from the embedded broker's jars."""

from pathlib import Path

from service.embedded.class_archive import archive_options
from service.embedded.jars import jars, java
from service.embedded.kafka import HEAP
from service.embedded.process import silent


def java_command(main_class: str, *more: Path) -> list[str]:
    """The beginning of the command that runs a class of the jars, or of `more` directories of classes.

    It starts as brokers do: short-lived, it is seldom worth a second compiler, and most of its time it loads classes.
    """
    libraries = jars(silent)
    classes = ":".join([f"{libraries}/*", *map(str, more)])
    return [java(), *HEAP, *archive_options(libraries), "-cp", classes, main_class]
