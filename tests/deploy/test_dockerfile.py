"""The Dockerfile: without what hadolint warns of, and with what it copies."""

import re
import subprocess
import sys
from pathlib import Path

from tests.deploy.test_alerts import DEPLOY

ROOT = DEPLOY.parent
DOCKERFILE = DEPLOY / "Dockerfile"
HADOLINT = Path(sys.executable).with_name("hadolint")


def hadolint(text: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([str(HADOLINT), "-"], input=text, capture_output=True, text=True, check=False)


def test_hadolint_has_nothing_to_say():
    done = hadolint(DOCKERFILE.read_text())
    assert (done.returncode, done.stdout) == (0, ""), done.stdout + done.stderr


def test_hadolint_would_notice():
    assert "DL3007" in hadolint(DOCKERFILE.read_text().replace("3.13-slim-bookworm", "latest")).stdout


def test_it_ends_as_a_user_with_a_number_and_with_the_service_as_the_process_that_gets_signals():
    stage = DOCKERFILE.read_text().rpartition("FROM ")[2]
    assert re.search(r"^USER 10001:10001$", stage, re.MULTILINE)
    assert re.search(r'^ENTRYPOINT \["python", "-m", "service"\]$', stage, re.MULTILINE)
    assert "HEALTHCHECK" in stage


def test_what_is_copied_is_there_and_is_not_ignored():
    ignored = (ROOT / ".dockerignore").read_text().splitlines()
    assert "*" in ignored
    copied = re.findall(r"^COPY (?!--from)(.+) \S+$", DOCKERFILE.read_text(), re.MULTILINE)
    for source in " ".join(copied).split():
        assert (ROOT / source).exists(), source
        assert f"!{source.split('/')[0]}" in ignored, source
