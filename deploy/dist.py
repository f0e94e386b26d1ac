"""Build what is released, into a directory: wheels, their bills of materials, and where they came from.

    python deploy/dist.py DIRECTORY      (make dist)

The same commit gives the same bytes, on any machine: times are the commit's, and what builds the wheels is pinned in
`build-constraints.txt`. Bills of materials are CycloneDX, of what `uv.lock` has; `image.cdx.json` is of what the image
installs. The provenance is an in-toto statement with a SLSA v1 predicate. It is not signed: who releases signs it, such
as by `cosign attest-blob`.
"""

import argparse
import hashlib
import json
import os
import re
import subprocess
import sys
import tomllib
import uuid
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
CONSTRAINTS = Path(__file__).with_name("build-constraints.txt")
PACKAGES = ("purchasing-contracts", "purchasing-service")
STATEMENT = "provenance.intoto.json"
BUILD_TYPE = "urn:purchasing:build:dist:v1"
"""Of the provenance: this program."""

Json = dict[str, Any]


def main() -> int:
    """Build; name each file with its digest."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("directory", type=Path)
    parser.add_argument("--builder", default="urn:purchasing:builder:unknown", help="the URI of who builds")
    parser.add_argument("--repository", default="", help="the URL of the repository, for the provenance")
    parser.add_argument("--dirty", action="store_true", help="build what is not committed; the provenance says so")
    given = parser.parse_args()
    if not given.dirty and said("git", "status", "--porcelain"):
        sys.stderr.write("dist: there are changes that are not committed: commit them first, or say --dirty\n")
        return 1
    given.directory.mkdir(parents=True, exist_ok=True)
    if any(given.directory.iterdir()):
        sys.stderr.write(f"dist: {given.directory} is not empty\n")
        return 1
    epoch = int(said("git", "log", "-1", "--format=%ct"))
    build(given.directory, epoch)
    for name, document in bills(given.directory, epoch):
        write(given.directory / name, document)
    digests = {path.name: sha256(path) for path in sorted(given.directory.iterdir())}
    write(given.directory / STATEMENT, provenance(digests, epoch, given))
    for path in sorted(given.directory.iterdir()):
        sys.stdout.write(f"{sha256(path)}  {path.name}\n")
    return 0


def said(*command: str) -> str:
    """Return what a command prints."""
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout.strip()


def uv(*arguments: str, **environment: str) -> str:
    """Return what uv prints; end with what it says if it fails."""
    command = [str(ROOT / ".ci" / "uv"), *arguments]
    done = subprocess.run(
        command, cwd=ROOT, capture_output=True, text=True, check=False, env={**os.environ, **environment}
    )
    if done.returncode != 0:
        raise SystemExit(f"dist: uv {arguments[0]} failed:\n{done.stderr}")
    return done.stdout


def build(directory: Path, epoch: int) -> None:
    """Build the wheels."""
    # By PEP 517, or uv would build with what is in itself, of whichever version it is.
    pinned = ("--force-pep517", "--require-hashes", "--build-constraints", str(CONSTRAINTS))
    made = ("--wheel", "--all-packages", "--no-create-gitignore", "--out-dir", str(directory))
    uv("build", "--quiet", *made, *pinned, SOURCE_DATE_EPOCH=str(epoch))


def bills(directory: Path, epoch: int) -> Iterator[tuple[str, Json]]:
    """Yield the bill of materials of each wheel, and that of the image, by file."""
    for package in PACKAGES:
        (wheel,) = directory.glob(f"{package.replace('-', '_')}-*.whl")
        bill = exported(epoch, "--package", package)
        bill["metadata"]["component"]["purl"] = f"pkg:pypi/{package}@{version()}"
        bill["metadata"]["component"]["hashes"] = [{"alg": "SHA-256", "content": sha256(wheel)}]
        yield f"{package}.cdx.json", bill
    dockerfile = (ROOT / "deploy" / "Dockerfile").read_text()
    (installed,) = set(re.findall(r"uv sync .*?--no-editable (.*?) \$", dockerfile))
    # The last stage is the image.
    base = re.findall(r"^FROM (\S+)", dockerfile, re.MULTILINE)[-1]
    bill = exported(epoch, *installed.split())
    bill["metadata"]["component"] |= {"type": "container", "name": "purchasing"}
    name, _, tag = base.partition(":")
    on = {"type": "container", "bom-ref": base, "name": name, "version": tag, "purl": f"pkg:docker/{name}@{tag}"}
    bill["components"].append(on)
    yield "image.cdx.json", bill


def exported(epoch: int, *chosen: str) -> Json:
    """Return a bill of materials without what differs from run to run."""
    text = uv("export", "--quiet", "--frozen", "--no-dev", *chosen, "--format", "cyclonedx1.5")
    bill: Json = json.loads(text)
    del bill["serialNumber"]
    bill["metadata"]["timestamp"] = datetime.fromtimestamp(epoch, UTC).isoformat()
    return {"serialNumber": f"urn:uuid:{uuid.uuid5(uuid.NAMESPACE_OID, json.dumps(bill))}", **bill}


def provenance(digests: dict[str, str], epoch: int, given: argparse.Namespace) -> Json:
    """Return the statement of how these files were made."""
    source: Json = {"uri": f"git+{given.repository}" if given.repository else "git"}
    source |= {"annotations": {"uncommitted": True}} if given.dirty else {}
    source |= {"digest": {"gitCommit": said("git", "rev-parse", "HEAD")}}
    inputs = [ROOT / "uv.lock", CONSTRAINTS]
    files = [{"name": str(path.relative_to(ROOT)), "digest": {"sha256": sha256(path)}} for path in inputs]
    tool = f"pkg:pypi/uv@{uv('--version').split()[1]}"
    return {
        "_type": "https://in-toto.io/Statement/v1",
        "subject": [{"name": name, "digest": {"sha256": digest}} for name, digest in digests.items()],
        "predicateType": "https://slsa.dev/provenance/v1",
        "predicate": {
            "buildDefinition": {
                "buildType": BUILD_TYPE,
                "externalParameters": {"source": source["uri"], "version": version()},
                "internalParameters": {"SOURCE_DATE_EPOCH": epoch},
                "resolvedDependencies": [source, *files, {"uri": tool}],
            },
            "runDetails": {"builder": {"id": given.builder}},
        },
    }


def version() -> str:
    """Return the version that is built."""
    project: Json = tomllib.loads((ROOT / "pyproject.toml").read_text())
    return str(project["project"]["version"])


def sha256(path: Path) -> str:
    """Return a file's digest."""
    return hashlib.sha256(path.read_bytes()).hexdigest()


def write(path: Path, document: Json) -> None:
    """Write a document."""
    path.write_text(json.dumps(document, indent=2) + "\n")


if __name__ == "__main__":
    sys.exit(main())
