"""Brokers start from Java's archive of their classes, and without one."""

import asyncio
from pathlib import Path

import pytest

from service.embedded import EmbeddedKafka
from service.embedded.jars import jars
from service.embedded.kafka import record_start
from service.embedded.process import silent


@pytest.fixture
def libraries(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The broker's jars, with nothing beside them."""
    place = tmp_path / "kafka"
    place.symlink_to(jars(silent))
    monkeypatch.setattr("service.embedded.kafka.jars", lambda _progress: place)
    return place


def files_of(directory: Path) -> list[str]:
    return sorted(path.name for path in directory.iterdir() if path.is_file())


async def _is_mapped(archive: Path) -> bool:
    async with EmbeddedKafka(archive.parent / "broker") as kafka:
        return str(archive) in Path(f"/proc/{kafka.pid}/maps").read_text()  # noqa: ASYNC240 - not on a disk


def is_mapped(archive: Path) -> bool:
    """Whether a broker reads the archive."""
    return asyncio.run(_is_mapped(archive))


def test_brokers_start_from_an_archive_recorded_once_and_without_it(libraries: Path, tmp_path: Path) -> None:
    progress: list[str] = []
    for _ in range(2):
        asyncio.run(record_start(libraries, progress.append))
    (name,) = files_of(tmp_path)

    assert is_mapped(tmp_path / name)
    assert len(progress) == 1

    (tmp_path / name).write_bytes(b"not an archive")
    assert not is_mapped(tmp_path / name)
