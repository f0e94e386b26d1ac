"""Settings: one sentence a problem, naming the variable and what to do, and never a value."""

import pytest
from purchasing_contracts.registry import RegistrySettings
from pydantic import ValidationError

from service.kafka.connection import connection_of
from service.runtime.settings import Settings, SettingsError, database_of_environment, load, unknown_variables

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
    assert connection_of(settings) == {
        "bootstrap_servers": ["broker-1:9092", "broker-2:9092"],
        "security_protocol": "PLAINTEXT",
    }
    assert settings.database() == WHOLE["PURCHASING_DATABASE_URL"]
    assert settings.consumer_group == "purchasing"


def test_all_missing_settings_are_named_at_once(environment):
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
        ("KAFKA_SASL_OAUTH_TOKEN_ENDPOINT_URL", SECRET),
        ("KAFKA_SASL_OAUTH_TOKEN_ENDPOINT_URL", f"ftp://idp/{SECRET}"),
        ("KAFKA_SASL_OAUTH_TOKEN_ENDPOINT_URL", f"https://user:{SECRET}@idp/token"),
        ("KAFKA_SASL_OAUTH_TOKEN_ENDPOINT_URL", f"https://idp:{SECRET}/token"),
        ("KAFKA_SASL_OAUTH_EXTENSIONS", SECRET),
        ("KAFKA_SASL_OAUTH_EXTENSIONS", f"auth={SECRET}"),
        ("KAFKA_SASL_OAUTH_EXTENSIONS", f"a={SECRET},a=x"),
        ("KAFKA_SASL_OAUTH_CAFILE", f"/nowhere/{SECRET}.pem"),
        ("KAFKA_SASL_AWS_REGION", f"{SECRET}/x"),
        ("KAFKA_SSL_CERTFILE", f"/nowhere/{SECRET}.pem"),
        ("KAFKA_SSL_KEYFILE", f"/nowhere/{SECRET}.pem"),
        ("HTTP_HOST", f"http://{SECRET}"),
        ("CONSUMER_GROUP", f"{SECRET} with blanks"),
        ("HTTP_PORT", SECRET),
        ("HTTP_PORT", "65536"),
        ("CONSOLE_URL", SECRET),
        ("CONSOLE_URL", f"https://console.example/{SECRET}"),
        ("CONSOLE_URL", f"https://user:{SECRET}@console.example"),
        ("CONSOLE_URL", f"https://console.example:{SECRET}"),
        ("CONSOLE_URL", "https://console.example:70000"),
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
    kafka = connection_of(load())
    assert kafka["sasl_mechanism"] == "SCRAM-SHA-512"
    assert (kafka["sasl_plain_username"], kafka["sasl_plain_password"]) == ("purchasing", SECRET)


@pytest.mark.parametrize(
    ("mechanism", "needed"),
    [
        (
            "OAUTHBEARER",
            {"OAUTH_TOKEN_ENDPOINT_URL": "https://idp/t", "OAUTH_CLIENT_ID": "c", "OAUTH_CLIENT_SECRET": SECRET},
        ),
        ("AWS_MSK_IAM", {"AWS_REGION": "eu-central-1"}),
    ],
)
def test_a_mechanism_names_each_setting_it_needs(environment, mechanism, needed):
    needed = {f"PURCHASING_KAFKA_SASL_{name}": value for name, value in needed.items()}
    sasl = {"PURCHASING_KAFKA_SECURITY_PROTOCOL": "SASL_SSL", "PURCHASING_KAFKA_SASL_MECHANISM": mechanism}
    for name in needed:
        environment(**WHOLE | sasl | {other: value for other, value in needed.items() if other != name})
        with pytest.raises(SettingsError, match=f"{name} is not set, but .* {mechanism}: give") as raised:
            load()
        assert SECRET not in everything_of(raised.value)
    environment(**WHOLE | sasl | needed)
    assert connection_of(load())["sasl_mechanism"] == "OAUTHBEARER"


def test_a_key_without_a_certificate_is_named(environment, tmp_path):
    (tmp_path / "key.pem").write_text("")
    environment(**WHOLE | {"PURCHASING_KAFKA_SSL_KEYFILE": str(tmp_path / "key.pem")})
    with pytest.raises(SettingsError, match="PURCHASING_KAFKA_SSL_CERTFILE is not set, but a key for it is"):
        load()


VALUES = {
    "kafka_bootstrap_servers": "broker-1:9092",
    "kafka_security_protocol": "SSL",
    "kafka_sasl_mechanism": "PLAIN",
    "kafka_sasl_username": "user",
    "kafka_sasl_password": SECRET,
    "kafka_sasl_oauth_token_endpoint_url": "https://idp.example/token",
    "kafka_sasl_oauth_client_id": "client",
    "kafka_sasl_oauth_client_secret": SECRET,
    "kafka_sasl_oauth_scope": "read write",
    "kafka_sasl_oauth_extensions": "logicalCluster=lkc-1",
    "kafka_sasl_oauth_cafile": "FILE",
    "kafka_sasl_aws_region": "eu-central-1",
    "kafka_ssl_cafile": "FILE",
    "kafka_ssl_certfile": "FILE",
    "kafka_ssl_keyfile": "FILE",
    "kafka_ssl_key_password": SECRET,
    "database_url": f"postgresql://user:{SECRET}@db/purchasing",
    "consumer_group": "group",
    "processes": "3",
    "topic_replicas": "2",
    "http_host": "127.0.0.1",
    "http_port": "9000",
    "future_tolerance_seconds": "7200",
    "breaker_share": "0.4",
    "breaker_records": "400",
    "breaker_at_least": "50",
    "refund_limit_per_minute": "CNY=1",
    "console_url": "https://console.example",
    "traces": "otlp",
    "metrics": "otlp",
    "log_format": "json",
    "log_level": "debug",
}
"""A right value for each setting, other than its default."""
SECRETS = ("kafka_sasl_password", "kafka_sasl_oauth_client_secret", "kafka_ssl_key_password", "database_url")


@pytest.fixture
def one_setting(environment, tmp_path):
    """The settings with one of them set to what `shape` makes of a right value: a format string such as `{}\\n`."""
    file = tmp_path / "file.pem"
    file.write_text("")

    def set_to(name, shape="{}"):
        more = {"PURCHASING_KAFKA_SSL_CERTFILE": str(file)} if name == "kafka_ssl_keyfile" else {}
        value = str(file) if VALUES[name] == "FILE" else VALUES[name]
        environment(**WHOLE | more | {f"PURCHASING_{name.upper()}": shape.format(value)})
        return load()

    return set_to


def test_every_setting_is_tried_below():
    assert set(VALUES) == set(Settings.model_fields)


@pytest.mark.parametrize("name", Settings.model_fields)
@pytest.mark.parametrize("shape", ["{}\n", "{}\r\n", "\n{}\n\n"])
def test_a_line_end_around_a_value_is_removed(one_setting, name, shape):
    plain = one_setting(name)
    assert getattr(plain, name) != Settings.model_fields[name].default
    assert one_setting(name, shape) == plain


@pytest.mark.parametrize("name", [name for name in Settings.model_fields if name not in SECRETS])
def test_blanks_around_a_value_are_removed(one_setting, name):
    assert one_setting(name, " \t{} \n") == one_setting(name)


@pytest.mark.parametrize("name", SECRETS)
@pytest.mark.parametrize("shape", [" {}", "{} \n", "\t{}", "\ufeff{}", "{}\nmore", "{}\x00"])
def test_a_secret_that_may_not_be_meant_so_is_refused_and_not_shown(one_setting, name, shape):
    if "\x00" in shape:
        # The environment can't carry one, but who calls `load` can.
        with pytest.raises(SettingsError) as raised:
            load(**{name: shape.format(VALUES[name])})
    else:
        with pytest.raises(SettingsError) as raised:
            one_setting(name, shape)
    assert str(raised.value).startswith(f"PURCHASING_{name.upper()} has blanks around it, or a line end")
    assert SECRET not in everything_of(raised.value)


@pytest.mark.parametrize("name", Settings.model_fields)
def test_a_line_end_inside_a_value_is_refused(one_setting, name):
    with pytest.raises(SettingsError, match=f"PURCHASING_{name.upper()} has blanks around it, or a line end"):
        one_setting(name, "{0}\n{0}")


@pytest.mark.parametrize("name", Settings.model_fields)
def test_a_value_of_nothing_but_a_line_end_counts_as_not_set(one_setting, environment, name):
    without = {key: value for key, value in WHOLE.items() if key != f"PURCHASING_{name.upper()}"}
    environment(**without | {f"PURCHASING_{name.upper()}": "\n"})
    if without == WHOLE:
        assert getattr(load(), name) == Settings.model_fields[name].default
    else:
        with pytest.raises(SettingsError, match=f"PURCHASING_{name.upper()} is not set"):
            load()


def test_the_database_alone_is_cleaned_the_same_way(environment):
    environment(PURCHASING_DATABASE_URL=WHOLE["PURCHASING_DATABASE_URL"] + "\n")
    assert database_of_environment() == WHOLE["PURCHASING_DATABASE_URL"]


def test_a_file_without_a_certificate_is_named(environment, tmp_path):
    file = tmp_path / "ca.pem"
    file.write_text(SECRET)
    environment(**WHOLE | {"PURCHASING_KAFKA_SECURITY_PROTOCOL": "SSL", "PURCHASING_KAFKA_SSL_CAFILE": str(file)})
    with pytest.raises(SettingsError, match="PURCHASING_KAFKA_SSL_CAFILE holds no certificate") as raised:
        connection_of(load())
    assert SECRET not in everything_of(raised.value)


def test_secrets_are_not_in_what_settings_print(environment):
    secrets = ("KAFKA_SASL_PASSWORD", "KAFKA_SASL_OAUTH_CLIENT_SECRET", "KAFKA_SSL_KEY_PASSWORD")
    environment(**WHOLE | {f"PURCHASING_{name}": SECRET for name in secrets})
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
    of_the_registry = {f"PURCHASING_{name.upper()}": "x" for name in RegistrySettings.model_fields}
    assert unknown_variables(of_the_registry) == [], "read by purchasing-contracts"
