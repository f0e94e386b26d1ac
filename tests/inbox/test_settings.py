"""Settings: one sentence a problem, naming the variable and what to do, and never a value."""

import pytest
from pydantic import ValidationError

from service.settings import Settings, SettingsError, database_of_environment, load, unknown_variables

SECRET = "hunter2-planted"

WHOLE = {
    "PURCHASING_KAFKA_BOOTSTRAP_SERVERS": "broker-1:9092, broker-2:9092",
    "PURCHASING_DATABASE_URL": f"postgresql://user:{SECRET}@db:5432/purchasing",
}


@pytest.fixture(autouse=True)
def environment(monkeypatch):
    def set_to(**variables):
        for name in Settings.model_fields:
            monkeypatch.delenv(f"PURCHASING_{name.upper()}", raising=False)
        for name, value in variables.items():
            monkeypatch.setenv(name, value)

    set_to(**WHOLE)
    return set_to


def everything_of(error):
    """All that a log or a traceback could show of an error."""
    parts = []
    while error is not None:
        parts += [str(error), repr(error), repr(vars(error))]
        if isinstance(error, ValidationError):
            parts.append(repr(error.errors()))
        error = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
    return "\n".join(parts)


def test_two_variables_are_enough():
    settings = load()
    assert settings.kafka() == {
        "bootstrap_servers": ["broker-1:9092", "broker-2:9092"],
        "security_protocol": "PLAINTEXT",
    }
    assert settings.database() == WHOLE["PURCHASING_DATABASE_URL"]
    assert settings.consumer_group == "purchasing"


def test_what_is_missing_is_named_all_at_once(environment):
    environment()
    with pytest.raises(SettingsError) as raised:
        load()
    lines = str(raised.value).splitlines()
    assert [line.split()[0] for line in lines] == list(WHOLE)
    assert all("is not set: give the" in line for line in lines)


def test_an_empty_variable_is_a_missing_one(environment):
    environment(**WHOLE | {"PURCHASING_DATABASE_URL": ""})
    with pytest.raises(SettingsError, match="PURCHASING_DATABASE_URL is not set"):
        load()


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("KAFKA_BOOTSTRAP_SERVERS", SECRET),
        ("KAFKA_BOOTSTRAP_SERVERS", f"{SECRET}:port"),
        ("KAFKA_BOOTSTRAP_SERVERS", f"good:9092,{SECRET}"),
        ("KAFKA_BOOTSTRAP_SERVERS", f"{SECRET}:70000"),
        ("KAFKA_SECURITY_PROTOCOL", SECRET),
        ("KAFKA_SASL_MECHANISM", SECRET),
        ("KAFKA_SSL_CAFILE", f"/nowhere/{SECRET}.pem"),
        ("DATABASE_URL", SECRET),
        ("DATABASE_URL", f"mysql://user:{SECRET}@db/purchasing"),
        ("DATABASE_URL", f"postgresql://user:{SECRET}@db:port/purchasing"),
        ("DATABASE_URL", f"postgresql://user:{SECRET}@db"),
        ("DATABASE_URL", f"postgresql://user:{SECRET}@[db/purchasing"),
        ("CONSUMER_GROUP", f"{SECRET} with blanks"),
        ("HTTP_PORT", SECRET),
        ("HTTP_PORT", "65536"),
        ("LOG_FORMAT", SECRET),
        ("LOG_LEVEL", SECRET),
    ],
)
def test_a_wrong_value_is_named_but_not_shown(environment, name, value):
    environment(**WHOLE | {f"PURCHASING_{name}": value})
    with pytest.raises(SettingsError) as raised:
        load()
    assert str(raised.value).startswith(f"PURCHASING_{name} is not valid: ")
    assert "\n" not in str(raised.value)
    assert SECRET not in everything_of(raised.value)


def test_sasl_needs_a_user_and_a_password_and_passes_them_on(environment):
    sasl = WHOLE | {"PURCHASING_KAFKA_SECURITY_PROTOCOL": "SASL_PLAINTEXT"}
    environment(**sasl)
    with pytest.raises(SettingsError, match="PURCHASING_KAFKA_SASL_USERNAME is not set"):
        load()
    sasl |= {"PURCHASING_KAFKA_SASL_USERNAME": "purchasing"}
    environment(**sasl)
    with pytest.raises(SettingsError, match="PURCHASING_KAFKA_SASL_PASSWORD is not set"):
        load()
    environment(**sasl | {"PURCHASING_KAFKA_SASL_PASSWORD": SECRET})
    kafka = load().kafka()
    assert kafka["sasl_mechanism"] == "SCRAM-SHA-512"
    assert (kafka["sasl_plain_username"], kafka["sasl_plain_password"]) == ("purchasing", SECRET)


def test_a_file_without_a_certificate_is_named(environment, tmp_path):
    file = tmp_path / "ca.pem"
    file.write_text(SECRET)
    environment(**WHOLE | {"PURCHASING_KAFKA_SECURITY_PROTOCOL": "SSL", "PURCHASING_KAFKA_SSL_CAFILE": str(file)})
    with pytest.raises(SettingsError, match="PURCHASING_KAFKA_SSL_CAFILE holds no certificate") as raised:
        load().kafka()
    assert SECRET not in everything_of(raised.value)


def test_secrets_are_not_in_what_settings_print(environment):
    environment(**WHOLE | {"PURCHASING_KAFKA_SASL_PASSWORD": SECRET})
    settings = load()
    shown = f"{settings} {settings!r} {settings.model_dump()} {settings.model_dump_json()}"
    assert SECRET not in shown


def test_a_migration_needs_the_database_alone(environment):
    environment(PURCHASING_DATABASE_URL=WHOLE["PURCHASING_DATABASE_URL"])
    assert database_of_environment() == WHOLE["PURCHASING_DATABASE_URL"]
    environment(PURCHASING_DATABASE_URL=f"mysql://user:{SECRET}@db/x")
    with pytest.raises(SettingsError) as raised:
        database_of_environment()
    assert SECRET not in everything_of(raised.value)


def test_a_variable_that_is_almost_ours_is_noticed():
    names = {"PURCHASING_CONSUMER_GRUOP": "x", "PURCHASING_CONSUMER_GROUP": "y", "PATH": "z"}
    assert unknown_variables(names) == ["PURCHASING_CONSUMER_GRUOP"]
    assert unknown_variables({"PURCHASING_CACHE_DIR": "/somewhere"}) == [], "read by the embedded broker"
