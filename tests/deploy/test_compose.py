"""The compose file: as the compose specification has it, and whole."""

from pathlib import PurePosixPath
from typing import Any

import jsonschema
import pytest
import yaml
from check_jsonschema.builtin_schemas import get_builtin_schema

from service.runtime.settings import PREFIX, ConsoleSettings, Settings
from tests.deploy.test_alerts import CONSOLE, DEPLOY

SCHEMA = get_builtin_schema("vendor.compose-spec")


def compose() -> dict[str, Any]:
    return yaml.safe_load((DEPLOY / "compose.yaml").read_text())


def test_it_follows_the_specification():
    jsonschema.validators.validator_for(SCHEMA)(SCHEMA).validate(compose())


SLIPS = [{"port": ["1:1"]}, {"depends_on": {"kafka": {"condition": "up"}}}, {"read_only": ["perhaps"]}]


@pytest.mark.parametrize("slip", SLIPS)
def test_a_slip_is_noticed(slip):
    document = compose()
    document["services"]["purchasing"] |= slip
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validators.validator_for(SCHEMA)(SCHEMA).validate(document)


def test_all_that_is_mounted_and_built_is_there():
    for name, service in compose()["services"].items():
        for volume in service.get("volumes", ()):
            source = volume.split(":")[0]
            assert source in compose()["volumes"] or (DEPLOY / source).exists(), (name, source)
        if "build" in service:
            assert (DEPLOY / service["build"]["context"] / service["build"]["dockerfile"]).exists()


# Where a server keeps its data: what says so, by its own name for it.
KEPT_IN = {"kafka": "KAFKA_LOG_DIRS", "postgres": "PGDATA"}


@pytest.mark.parametrize("name", KEPT_IN)
def test_the_data_of_a_server_is_on_its_volume(name):
    service = compose()["services"][name]
    (volume,) = service["volumes"]
    source, _, target = volume.partition(":")
    assert source in compose()["volumes"]
    assert PurePosixPath(service["environment"][KEPT_IN[name]]).is_relative_to(target)


def test_the_runbook_of_the_alerts_is_at_the_console():
    (port,) = compose()["services"]["console"]["ports"]
    assert f"{CONSOLE}:".startswith(f"http://localhost:{port.split(':')[1]}:")


def test_no_port_is_open_to_other_machines():
    ports = [port for service in compose()["services"].values() for port in service.get("ports", ())]
    assert len(ports) == 4
    assert all(port.startswith("127.0.0.1:") for port in ports)


def test_every_service_that_is_waited_for_has_a_health_check():
    services = compose()["services"]
    for name, service in services.items():
        waits = service.get("depends_on", {})
        for other in waits:
            assert other in services, name
            if isinstance(waits, dict) and waits[other]["condition"] == "service_healthy":
                assert "healthcheck" in services[other]


def test_its_settings_are_the_services_and_no_password_is_written_down():
    for called, service in compose()["services"].items():
        model = ConsoleSettings if called == "console" else Settings
        known = {PREFIX + name.upper() for name in (*Settings.model_fields, *model.model_fields)}
        used = {name for name in service.get("environment", {}) if name.startswith(PREFIX)}
        assert used <= known
        for name, value in service.get("environment", {}).items():
            if "PASSWORD" in name or "SECRET" in name or "DATABASE_URL" in name:
                assert "${" in value, name


def test_the_console_starts_only_on_request_and_on_a_migrated_database_with_roles():
    services = compose()["services"]
    console = services["console"]
    assert console["profiles"] == ["console"]
    assert "--roles" in services["migrate"]["command"]
    assert console["depends_on"] == {"migrate": {"condition": "service_completed_successfully"}}
    own = str(ConsoleSettings.model_fields["console_port"].default)
    assert console["ports"] == [f"127.0.0.1:{own}:{own}"]
    assert f":{own}/livez" in console["healthcheck"]["test"][-1], "the image asks the workers' port"
    example = (DEPLOY / ".env.example").read_text()
    assert all(f"{name}=" in example for name in console["environment"] if name.startswith(f"{PREFIX}CONSOLE_OIDC"))


def test_every_image_has_its_version():
    for service in compose()["services"].values():
        assert ":" in service["image"]
        assert not service["image"].endswith(":latest")
