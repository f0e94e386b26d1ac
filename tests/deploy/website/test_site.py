"""The documentation as a site: whole, without a dead link or another host, the same each time."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path

import pytest
from markupsafe import escape
from purchasing_contracts.shipped import examples, types

from deploy.website.navigation import ENTRANCES
from deploy.website.site import DeadLinksError, Site, build
from service.operations.alerts import ALERTS
from tests.deploy.test_alerts import ALERTS as RULES
from tests.waiting import HANG_SECONDS

ROOT = Path(__file__).parents[3]
CLIENTS = (
    "tests/delivery/python_client.py",
    "tests/java/Client.java",
    "tests/java/CloudEventRecords.java",
    "tests/javascript/kafka.mjs",
    "tests/javascript/cloudevents.mjs",
    "tests/go/main.go",
    "tests/go/cloudevents/main.go",
)

VOID = ("meta", "link", "br", "img", "input", "hr")


class Seen(HTMLParser):
    """The content of a page: its places, its links, the files that a browser loads for it, its headings."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.places: list[str] = []
        self.links: list[str] = []
        self.loaded: list[str] = []
        self.headings: list[str] = []
        self.open: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        members = dict(attrs)
        if "id" in members:
            self.places.append(str(members["id"]))
        if tag == "a":
            self.links.append(str(members["href"]))
        self.loaded += [str(members[name]) for name in ("src", "href", "action") if name in members and tag != "a"]
        self.headings += [tag] if tag in ("h1", "h2", "h3") else []
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert tag in VOID or self.open.pop() == tag


@pytest.fixture(scope="module")
def site() -> dict[str, bytes]:
    return build(ROOT)


@pytest.fixture(scope="module")
def pages(site) -> dict[str, Seen]:
    return {name: Seen(content.decode()) for name, content in site.items() if name.endswith(".html")}


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """A small repository: one document, and the contract."""
    (tmp_path / "contracts").symlink_to(ROOT / "contracts")
    (tmp_path / "README.md").write_text("# One\n\n## Two\n\n[the second part](#two)\n")
    return tmp_path


def test_every_link_of_every_page_leads_to_a_file_and_a_place_on_it(site, pages) -> None:
    for name, page in pages.items():
        assert page.open == [], name
        assert len(page.places) == len(set(page.places)), name
        for link in page.links + page.loaded:
            if not link.startswith("https://"):
                there, _, place = link.partition("#")
                assert (there or name) in site, (name, link)
                assert not place or place in pages[there or name].places, (name, link)


def test_no_page_loads_anything_from_another_host_or_runs_a_script_but_the_search(site, pages) -> None:
    assert {link for page in pages.values() for link in page.loaded} <= {"console.css", "icon.svg", "search.html"} | {
        name for name in site if name.endswith((".png", ".svg"))
    }
    assert [name for name in pages if b"<script" in site[name]] == ["search.html"]
    assert not re.search(rb"@import|url\(", site["console.css"])


def test_every_page_begins_with_one_heading(pages) -> None:
    for name, page in pages.items():
        assert page.headings[:1] == ["h1"], name
        assert page.headings.count("h1") == 1, name


def test_the_command_writes_the_same_bytes_again_and_removes_other_files(site, tmp_path) -> None:
    (tmp_path / "stale.html").write_text("of an older version")
    done = subprocess.run(
        [sys.executable, "-m", "deploy.website", "--to", str(tmp_path)],
        cwd=ROOT,
        env=os.environ | {"PYTHONHASHSEED": "7"},
        capture_output=True,
        text=True,
        timeout=HANG_SECONDS,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == site


def test_every_document_of_the_repository_is_a_page(site) -> None:
    listed = subprocess.run(["git", "ls-files", "*.md"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    documents = [line for line in listed.splitlines() if (ROOT / line).is_file()]
    assert len(documents) > 100
    paths = {path.as_posix() for path in Site(ROOT).documents}
    assert set(documents) - paths == set()


def test_the_three_entrances_lead_to_their_pages_from_every_page(pages) -> None:
    assert len(ENTRANCES) == 3
    for name, page in pages.items():
        for entrance in ENTRANCES:
            assert set(entrance.pages) <= set(page.links), name


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ("[x](nothing.md)", "README.md: nothing.md: there is no such page or file"),
        ("[x](#three)", "README.md: #three: there is no such section"),
        ("[x](README.md#three)", "README.md: README.md#three: there is no such section"),
        ("![x](nothing.png)", "README.md: nothing.png: there is no such page or file"),
        ("[x](service)", "README.md: service: there is no such page or file"),
        ("```include nothing.py\n```", "README.md: shows nothing.py, which is not there"),
    ],
)
def test_a_link_that_leads_nowhere_is_an_error_that_names_it(repository, wrong, words) -> None:
    document = repository / "README.md"
    document.write_text(document.read_text() + f"\n{wrong}\n")
    with pytest.raises(DeadLinksError) as raised:
        build(repository)
    assert words in str(raised.value).splitlines()


def test_each_type_of_message_has_a_page_with_members_examples_and_schema(site) -> None:
    found = list(types())
    assert len(found) > 40
    for type_ in found:
        page = site[f"{type_}.html"].decode()
        assert f'href="{type_}.schema.json"' in page
        assert f"{type_}.schema.json" in site
        assert "<td><code>" in page or "The data has none." in page
        for kind in ("valid", "invalid"):
            for path in examples(type_, kind).values():
                assert str(escape(path.read_text())) in page, path.name


def test_each_topic_has_a_page_with_what_it_promises(site) -> None:
    for topic in ("purchasing.events.payment.v1", "purchasing.commands.refund.v1", "purchasing.quarantine.v1"):
        assert {"key", "ordering", "delivery", "retention"} <= set(Seen(site[f"{topic}.html"].decode()).places)


def test_the_clients_that_are_shown_are_the_files_that_tests_run(site) -> None:
    page = site["clients.html"].decode()
    for client in CLIENTS:
        assert str(escape((ROOT / client).read_text())) in page, client


def test_operators_find_each_alert_with_its_section_of_the_runbook(pages) -> None:
    for alert in ALERTS:
        assert RULES[alert.name]["annotations"]["runbook_url"].endswith(f"#{alert.section}")
        assert f"runbook.html#{alert.section}" in pages["operators.html"].links
    assert {alert.name for alert in ALERTS} == set(RULES)


def test_a_sections_title_in_quotes_and_a_documents_path_lead_there(pages) -> None:
    assert "#money-late" in pages["runbook.html"].links
    assert "deploy-rights.html" in pages["runbook.html"].links


def test_html_in_a_document_is_shown_as_text(repository) -> None:
    (repository / "README.md").write_text("# One\n\n<script>x</script> `<b>` [x](javascript:y)\n")
    made = Site(repository).page_of("README.md")
    assert "<script" not in made
    assert "&lt;b&gt;" in made
    assert 'href="javascript' not in made
