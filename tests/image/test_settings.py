# Copyright (c) 2026, mlops.mlflow_azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""How the entry point interprets its environment variables."""

from __future__ import annotations

import base64
from collections.abc import Callable
from pathlib import Path

import pytest
from mlflow_azure_server import _odbc
from mlflow_azure_server._settings import (
    SETTINGS,
    SettingError,
    database,
    directories,
    missing_driver,
    secrets_in,
    settings,
)

PASSPHRASE = "correct-horse-battery-staple-and-more"
SQL = "mssql+mssqlpython://sql-mlflow.database.windows.net:1433/mlflow?Authentication=ActiveDirectoryMSI&UID=11111111-1111-1111-1111-111111111111&Encrypt=yes"
GOOD = {
    "MLFLOW_BACKEND_STORE_URI": SQL,
    "MLFLOW_ARTIFACTS_DESTINATION": "wasbs://mlflow@stmlflow42.blob.core.windows.net/prod",
    "CONTAINER_APP_NAME": "mlflow",
    "CONTAINER_APP_ENV_DNS_SUFFIX": "happyhill-1a2b3c4d.westeurope.azurecontainerapps.io",
    "CONTAINER_APP_HOSTNAME": "mlflow--abc123.happyhill-1a2b3c4d.westeurope.azurecontainerapps.io",
}
SUFFIX = GOOD["CONTAINER_APP_ENV_DNS_SUFFIX"]


def hosts(**change: str) -> list[str]:
    return settings({**GOOD, **change}, "python").env["MLFLOW_SERVER_ALLOWED_HOSTS"].split(",")


def origins(**change: str) -> list[str]:
    return settings({**GOOD, **change}, "python").env["MLFLOW_SERVER_CORS_ALLOWED_ORIGINS"].split(",")


def test_the_command_has_host_port_and_workers_and_no_database() -> None:
    start = settings({**GOOD, "MLFLOW_PORT": "8080"}, "/opt/mlflow/bin/python")
    assert start.argv == [
        *("/opt/mlflow/bin/python", "-m", "mlflow", "server", "--app-name", "mlflow-azure"),
        *("--host", "0.0.0.0", "--port", "8080", "--workers", "2"),
    ]
    assert start.env["MLFLOW_BACKEND_STORE_URI"] == f"{SQL}&plugin=azure_sql&azure_sql_wait=60&plugin=value_lengths"


def test_only_the_names_of_the_app_are_allowed_hosts() -> None:
    assert hosts() == [
        f"mlflow.{SUFFIX}",
        f"mlflow.{SUFFIX}:443",
        f"mlflow.internal.{SUFFIX}",
        f"mlflow.internal.{SUFFIX}:443",
        f"mlflow--abc123.{SUFFIX}",
        f"mlflow--abc123.{SUFFIX}:443",
        "mlflow",
        "mlflow:80",
        *("localhost", "localhost:*", "127.0.0.1", "127.0.0.1:*", "0.0.0.0:5000"),
    ]


def test_only_the_pages_of_the_app_are_allowed_origins() -> None:
    assert origins() == [
        f"https://mlflow.{SUFFIX}",
        f"https://mlflow.internal.{SUFFIX}",
        f"https://mlflow--abc123.{SUFFIX}",
    ]


def test_custom_domains_are_allowed_hosts() -> None:
    assert {"ml.example.org", "ml.example.org:443"} <= set(hosts(MLFLOW_AZURE_CUSTOM_DOMAINS="ml.example.org"))
    assert "https://ml.example.org" in origins(MLFLOW_AZURE_CUSTOM_DOMAINS=" ML.example.org , other.example.org")


def test_only_localhost_is_an_allowed_host_outside_azure() -> None:
    env = {name: value for name, value in GOOD.items() if not name.startswith("CONTAINER_APP_")}
    start = settings({**env, "MLFLOW_HOST": "127.0.0.1"}, "python")
    assert start.env["MLFLOW_SERVER_ALLOWED_HOSTS"] == "localhost,localhost:*,127.0.0.1,127.0.0.1:*,127.0.0.1:5000"
    assert "MLFLOW_SERVER_CORS_ALLOWED_ORIGINS" not in start.env


def test_given_hosts_and_origins_are_kept() -> None:
    assert hosts(MLFLOW_SERVER_ALLOWED_HOSTS="a.example.org,*.b.example.org") == ["a.example.org", "*.b.example.org"]
    assert origins(MLFLOW_SERVER_CORS_ALLOWED_ORIGINS="https://a.example.org") == ["https://a.example.org"]


def test_given_hosts_and_origins_have_no_case() -> None:
    assert hosts(MLFLOW_SERVER_ALLOWED_HOSTS="A.Example.org:443,b.example.org.") == [
        "a.example.org:443",
        "b.example.org",
    ]
    assert origins(MLFLOW_SERVER_CORS_ALLOWED_ORIGINS="HTTPS://A.Example.org.") == ["https://a.example.org"]


@pytest.mark.parametrize(
    ("given", "expected"),
    [({}, "false"), ({"MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "TRUE"}, "true")],
)
def test_background_jobs_run_when_enabled(given: dict[str, str], expected: str) -> None:
    assert settings({**GOOD, **given}, "python").env["MLFLOW_SERVER_ENABLE_JOB_EXECUTION"] == expected


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({}, "false"),
        ({"MLFLOW_CRYPTO_KEK_PASSPHRASE": PASSPHRASE}, "true"),
        ({"MLFLOW_CRYPTO_KEK_PASSPHRASE": PASSPHRASE, "MLFLOW_ENABLE_AI_GATEWAY": "false"}, "false"),
        ({"MLFLOW_CRYPTO_KEK_PASSPHRASE": "short", "MLFLOW_ENABLE_AI_GATEWAY": "0"}, "false"),
    ],
)
def test_the_gateway_runs_with_a_passphrase_of_its_own(given: dict[str, str], expected: str) -> None:
    assert settings({**GOOD, **given}, "python").env["MLFLOW_ENABLE_AI_GATEWAY"] == expected


@pytest.mark.parametrize("encode", [base64.b64encode, base64.urlsafe_b64encode])
def test_a_key_for_the_secrets_of_webhooks(encode: Callable[[bytes], bytes]) -> None:
    key = encode(bytes([255] * 32)).decode()
    assert (
        settings({**GOOD, "MLFLOW_WEBHOOK_SECRET_ENCRYPTION_KEY": key}, "python").env[
            "MLFLOW_WEBHOOK_SECRET_ENCRYPTION_KEY"
        ]
        == key
    )


@pytest.mark.parametrize("key", ["hidden", "hidden" * 8, "hidden+" * 6 + "A", f"{'hidden.' * 6}A="])
def test_a_bad_key_for_the_secrets_of_webhooks_is_refused_and_not_printed(key: str) -> None:
    with pytest.raises(SettingError, match="is not a Fernet key") as raised:
        settings({**GOOD, "MLFLOW_WEBHOOK_SECRET_ENCRYPTION_KEY": key}, "python")
    assert raised.value.variable == "MLFLOW_WEBHOOK_SECRET_ENCRYPTION_KEY"
    assert "hidden" not in str(raised.value)


def test_opentelemetry_is_cleared_unless_kept() -> None:
    otel = {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://agent:4317/", "OTEL_EXPORTER_OTLP_PROTOCOL": "grpc"}
    other = {"OTEL_SERVICE_NAME": "mlflow"}
    cleared = settings({**GOOD, **otel, **other}, "python").env
    assert not otel.keys() & cleared.keys()
    assert cleared["OTEL_SERVICE_NAME"] == "mlflow"
    kept = settings({**GOOD, **otel, "MLFLOW_AZURE_KEEP_OTEL": "true"}, "python").env
    assert otel.items() <= kept.items()


def test_other_variables_are_kept() -> None:
    env = settings({**GOOD, "MLFLOW_MODEL_CATALOG_URI": "", "AZURE_CLIENT_ID": "x"}, "python").env
    assert env["MLFLOW_MODEL_CATALOG_URI"] == ""
    assert env["AZURE_CLIENT_ID"] == "x"


@pytest.mark.parametrize(
    "uri",
    [
        "mssql+mssqlpython://me:p%40ss%2Fw%3Ard@sql.database.windows.net:1433/mlflow?Encrypt=yes",
        "mssql+pyodbc://11111111-1111-1111-1111-111111111111@sql.database.windows.net:1433/mlflow"
        "?driver=ODBC+Driver+18+for+SQL+Server&Authentication=ActiveDirectoryMsi&Encrypt=yes",
        "mssql+pyodbc://sql.database.windows.net/mlflow?driver=ODBC+Driver+18+for+SQL+Server"
        "&authentication=ActiveDirectoryMsi",
        "postgresql://me:pw@db.example.org/mlflow?sslmode=require",
        "postgresql+psycopg://me@db.example.org/mlflow",
        "sqlite:////var/lib/mlflow/mlflow.db",
    ],
)
def test_valid_database_uris(uri: str) -> None:
    env = settings({**GOOD, "MLFLOW_BACKEND_STORE_URI": uri}, "python").env
    added = "&plugin=azure_sql&azure_sql_wait=60&plugin=value_lengths"
    assert env["MLFLOW_BACKEND_STORE_URI"].removesuffix(added).removesuffix("?plugin=value_lengths") == uri


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"MLFLOW_BACKEND_STORE_URI": ""}, "is missing"),
        ({"MLFLOW_BACKEND_STORE_URI": "./mlruns"}, "is not a database URI"),
        ({"MLFLOW_BACKEND_STORE_URI": "mysql+pymysql://me:SECRET@db/mlflow"}, "no driver for this scheme"),
        ({"MLFLOW_BACKEND_STORE_URI": "postgresql+psycopg2://me:SECRET@db/mlflow"}, "no driver for this scheme"),
        ({"MLFLOW_BACKEND_STORE_URI": "mssql+mssqlpython://me:SECRET@sql"}, "no server or no database"),
        ({"MLFLOW_BACKEND_STORE_URI": "mssql+mssqlpython://me:SECRET/x@sql:1433/mlflow"}, "cannot be parsed"),
        ({"MLFLOW_BACKEND_STORE_URI": "mssql+mssqlpython://me:SECRET@sql:port/mlflow"}, "cannot be parsed"),
        ({"MLFLOW_BACKEND_STORE_URI": "mssql+mssqlpython://sql:1433/mlflow?Encrypt=yes"}, "has neither a user nor"),
        (
            {"MLFLOW_BACKEND_STORE_URI": "mssql+mssqlpython://me:SECRET@sql/m?Authentication=ActiveDirectoryMSI"},
            "has both a password and",
        ),
        ({"MLFLOW_BACKEND_STORE_URI": "mssql+pyodbc://me:SECRET@sql/mlflow"}, "has no ODBC driver"),
        (
            {"MLFLOW_BACKEND_STORE_URI": "mssql+pyodbc://me:SECRET@sql/m?driver=x&fast_executemany=True"},
            "Remove fast_executemany",
        ),
        (
            {"MLFLOW_REGISTRY_STORE_URI": "mssql+mssqlpython://me:SECRET@sql/m?Fast_ExecuteMany="},
            "has fast_executemany",
        ),
        (
            {"MLFLOW_BACKEND_STORE_URI": "mssql+pyodbc://sql/mlflow?driver=x&Authentication=ActiveDirectoryMsi"},
            "means Windows authentication",
        ),
        ({"MLFLOW_REGISTRY_STORE_URI": "mysql://me:SECRET@db/mlflow"}, "no driver for this scheme"),
        ({"MLFLOW_ARTIFACTS_DESTINATION": ""}, "is missing"),
        ({"MLFLOW_ARTIFACTS_DESTINATION": "mlartifacts"}, "neither a URI nor an absolute path"),
        ({"MLFLOW_ARTIFACTS_DESTINATION": "s3://bucket"}, "does not support this scheme"),
        ({"MLFLOW_ARTIFACTS_DESTINATION": "abfss://c@a.dfs.core.windows.net/"}, "does not support this scheme"),
        ({"MLFLOW_ARTIFACTS_DESTINATION": "wasb://c@account.blob.core.windows.net/"}, "Replace it by wasbs://"),
        ({"MLFLOW_ARTIFACTS_DESTINATION": "wasb://"}, "MLflow has no artifact store for this scheme"),
        ({"MLFLOW_ARTIFACTS_DESTINATION": "WASBS://cc@account.blob.core.windows.net/"}, "does not support this scheme"),
        ({"MLFLOW_ARTIFACTS_DESTINATION": "wasbs://a.blob.core.windows.net/c"}, "URI of a blob container"),
        ({"MLFLOW_ARTIFACTS_DESTINATION": "wasbs://c@My_Account.blob.core.windows.net/"}, "URI of a blob container"),
        ({"AZURE_STORAGE_CONNECTION_STRING": "AccountName=other;AccountKey=SECRET"}, "is for the account other"),
        ({"MLFLOW_ARTIFACTS_DESTINATION": "file://host/artifacts"}, "not a local directory"),
        ({"MLFLOW_ARTIFACTS_DESTINATION": " \t"}, "is missing"),
        ({"MLFLOW_BACKEND_STORE_URI": " "}, "is missing"),
        ({"MLFLOW_ENABLE_AI_GATEWAY": "true", "MLFLOW_CRYPTO_KEK_PASSPHRASE": " " * 40}, "is missing"),
        ({"MLFLOW_STATIC_PREFIX": "mlflow"}, "not a path prefix"),
        ({"MLFLOW_STATIC_PREFIX": "/mlflow/"}, "not a path prefix"),
        ({"MLFLOW_HOST": "mlflow.example.org"}, "not an address to listen on"),
        ({"MLFLOW_PORT": "0"}, "whole number from 1 to 65535"),
        ({"MLFLOW_PORT": "http"}, "whole number from 1 to 65535"),
        ({"MLFLOW_WORKERS": "-1"}, "whole number from 1 to 64"),
        ({"MLFLOW_WORKERS": "2.5"}, "whole number from 1 to 64"),
        ({"MLFLOW_AZURE_DATABASE_TIMEOUT": "forever"}, "whole number from 1 to 3600"),
        ({"MLFLOW_AZURE_SQL_WAIT": "201"}, "whole number from 0 to 200"),
        ({"MLFLOW_AZURE_SQL_PLUGIN": "mine"}, "neither true nor false"),
        (
            {"MLFLOW_AZURE_SQL_PLUGIN": "false", "MLFLOW_BACKEND_STORE_URI": "mssql+pyodbc://me:SECRET@sql/m?driver=d"},
            "requires the plugin azure_sql",
        ),
        ({"MLFLOW_REGISTRY_STORE_URI": "mssql+pyodbc://me:SECRET@sql/m?driver=d&plugin=mine"}, "add plugin=azure_sql"),
        (
            {"MLFLOW_AZURE_DATABASE_MAY_PAUSE": "true", "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "true"},
            "jobs query the database every minute",
        ),
        (
            {"MLFLOW_AZURE_DATABASE_MAY_PAUSE": "true", "MLFLOW_SQLALCHEMYSTORE_POOL_SIZE": "5"},
            "MLFLOW_SQLALCHEMYSTORE_POOL_SIZE configures",
        ),
        ({"MLFLOW_AZURE_KEEP_OTEL": "perhaps"}, "neither true nor false"),
        ({"MLFLOW_AZURE_UPGRADE_SCHEMA": "2"}, "neither true nor false"),
        ({"MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "maybe"}, "neither true nor false"),
        ({"MLFLOW_SERVER_ALLOWED_HOSTS": "a.example.org, *"}, "allows every host name"),
        ({"MLFLOW_SERVER_ALLOWED_HOSTS": "*:*"}, "allows every host name"),
        ({"MLFLOW_SERVER_CORS_ALLOWED_ORIGINS": "*"}, "not the origin of one site"),
        ({"MLFLOW_SERVER_CORS_ALLOWED_ORIGINS": "https://*"}, "not the origin of one site"),
        ({"MLFLOW_SERVER_CORS_ALLOWED_ORIGINS": "a.example.org"}, "not the origin of one site"),
        ({"MLFLOW_SERVER_DISABLE_SECURITY_MIDDLEWARE": "true"}, "every web site that a user visits"),
        ({"MLFLOW_AZURE_CUSTOM_DOMAINS": "https://ml.example.org"}, "is not a host name"),
        ({"MLFLOW_AZURE_CUSTOM_DOMAINS": "*.example.org"}, "is not a host name"),
        ({"MLFLOW_ENABLE_AI_GATEWAY": "true", "MLFLOW_CRYPTO_KEK_PASSPHRASE": ""}, "is missing"),
        ({"MLFLOW_CRYPTO_KEK_PASSPHRASE": "SECRET"}, "is shorter than 32 characters"),
        (
            {"MLFLOW_CRYPTO_KEK_PASSPHRASE": "mlflow-default-kek-passphrase-for-development-only"},
            "public default of MLflow",
        ),
    ],
)
def test_the_error_of_a_bad_setting_has_a_remedy_and_no_secret(change: dict[str, str], message: str) -> None:
    with pytest.raises(SettingError) as raised:
        settings({**GOOD, **change}, "python")
    line = str(raised.value)
    assert line.startswith("mlflow-azure-server: ")
    assert raised.value.variable in line
    assert any(name in line for name in change)
    assert message in line
    assert line.endswith(".")
    assert "SECRET" not in line


def test_both_forms_of_the_password_are_secret() -> None:
    assert secrets_in("mssql+mssqlpython://me:p%40ss@sql/mlflow") == ["p%40ss", "p@ss"]
    assert secrets_in("sqlite:////tmp/x.db") == []


def test_azure_sql_has_its_plugin_unless_disabled() -> None:
    other = {"MLFLOW_REGISTRY_STORE_URI": "mssql+pyodbc://me:x@sql/m?driver=d", "MLFLOW_AZURE_SQL_WAIT": "0"}
    env = settings({**GOOD, **other}, "python").env
    assert env["MLFLOW_BACKEND_STORE_URI"] == f"{SQL}&plugin=azure_sql&azure_sql_wait=0&plugin=value_lengths"
    assert env["MLFLOW_REGISTRY_STORE_URI"].endswith("?driver=d&plugin=azure_sql&azure_sql_wait=0&plugin=value_lengths")
    given = {**GOOD, "MLFLOW_BACKEND_STORE_URI": f"{SQL}&plugin=other"}
    assert settings(given, "python").env["MLFLOW_BACKEND_STORE_URI"] == f"{SQL}&plugin=other"
    off = settings({**GOOD, "MLFLOW_AZURE_SQL_PLUGIN": "false"}, "python").env
    assert off["MLFLOW_BACKEND_STORE_URI"] == SQL


@pytest.mark.parametrize("uri", ["postgresql://me:x@db/mlflow", "sqlite:////home/mlflow/mlflow.db?plugin=other"])
def test_other_databases_have_no_plugin(uri: str) -> None:
    assert settings({**GOOD, "MLFLOW_BACKEND_STORE_URI": uri}, "python").env["MLFLOW_BACKEND_STORE_URI"] == uri


def test_sqlite_has_the_plugin_for_lengths_only() -> None:
    uri = "sqlite:////home/mlflow/mlflow.db"
    env = settings({**GOOD, "MLFLOW_BACKEND_STORE_URI": uri}, "python").env
    assert env["MLFLOW_BACKEND_STORE_URI"] == f"{uri}?plugin=value_lengths"


def test_the_schema_command_requires_only_the_settings_of_the_database() -> None:
    given = {"MLFLOW_BACKEND_STORE_URI": SQL, "MLFLOW_AZURE_DATABASE_TIMEOUT": "7"}
    assert database(given) == (f"{SQL}&plugin=azure_sql&azure_sql_wait=60&plugin=value_lengths", 7)
    with pytest.raises(SettingError, match="MLFLOW_BACKEND_STORE_URI: is missing"):
        database({})
    with pytest.raises(SettingError, match="MLFLOW_AZURE_DATABASE_TIMEOUT='0': is not a whole number"):
        database({**given, "MLFLOW_AZURE_DATABASE_TIMEOUT": "0"})


def test_a_database_that_may_pause_has_no_pool() -> None:
    assert "MLFLOW_SQLALCHEMYSTORE_POOLCLASS" not in settings(GOOD, "python").env
    env = settings({**GOOD, "MLFLOW_AZURE_DATABASE_MAY_PAUSE": "true"}, "python").env
    assert env["MLFLOW_SQLALCHEMYSTORE_POOLCLASS"] == "NullPool"


@pytest.mark.parametrize("blank", ["", " ", "\n", "\t  "])
def test_a_blank_setting_is_ignored(blank: str) -> None:
    required = {"MLFLOW_BACKEND_STORE_URI", "MLFLOW_ARTIFACTS_DESTINATION"}
    given = {name: GOOD[name] for name in required}
    blanks = dict.fromkeys(SETTINGS - required, blank)
    assert settings({**given, **blanks}, "python") == settings(given, "python")


@pytest.mark.parametrize(
    ("env", "expected"),
    [
        ({}, {"TMPDIR": "/tmp"}),
        ({"MLFLOW_ARTIFACTS_DESTINATION": "/data"}, {"TMPDIR": "/tmp", "MLFLOW_ARTIFACTS_DESTINATION": "/data"}),
        (
            {"MLFLOW_ARTIFACTS_DESTINATION": "file:///my%20data", "TMPDIR": "/spool"},
            {"TMPDIR": "/spool", "MLFLOW_ARTIFACTS_DESTINATION": "/my data"},
        ),
        ({"MLFLOW_EXPOSE_PROMETHEUS": "/metrics"}, {"TMPDIR": "/tmp", "MLFLOW_EXPOSE_PROMETHEUS": "/metrics"}),
    ],
)
def test_the_directories_that_the_server_writes_to(env: dict[str, str], expected: dict[str, str]) -> None:
    assert {name: directory for name, (directory, _why) in directories({**GOOD, **env}).items()} == expected


def test_a_missing_driver_is_named() -> None:
    assert missing_driver("mssql+pyodbc://x", lambda module: module != "pyodbc") == "pyodbc"
    assert missing_driver("postgresql://x", lambda _module: True) is None


@pytest.mark.parametrize(
    ("machine", "distributions", "directory"),
    [
        ("x86_64", ["debian"], "debian_ubuntu/x86_64"),
        ("aarch64", ["ubuntu", "debian"], "debian_ubuntu/arm64"),
        ("x86_64", ["azurelinux", "fedora"], "rhel/x86_64"),
        ("x86_64", ["opensuse-leap", "suse", "opensuse"], "suse/x86_64"),
    ],
)
def test_the_driver_matches_the_machine(tmp_path: Path, machine: str, distributions: list[str], directory: str) -> None:
    file = tmp_path / "libs" / "linux" / directory / "lib" / "libmsodbcsql-18.6.so.2.1"
    file.parent.mkdir(parents=True)
    file.touch()
    assert _odbc.driver_file(tmp_path, machine, distributions) == file
    assert _odbc.driver_file(tmp_path, "riscv64", distributions) is None


def test_the_driver_is_added_to_the_registered_ones() -> None:
    text = _odbc.register("[FreeTDS]\nDriver=/usr/lib/libtdsodbc.so\n", Path("/wheel/libmsodbcsql.so"))
    assert text == (
        "[FreeTDS]\nDriver=/usr/lib/libtdsodbc.so\n\n[ODBC Driver 18 for SQL Server]\nDriver=/wheel/libmsodbcsql.so\n"
    )
    assert _odbc.is_registered(text)
    assert not _odbc.is_registered("[FreeTDS]\n")
