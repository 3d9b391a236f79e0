# Copyright (c) 2026, mlops.mlflow_azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Validates the environment variables of the container and builds the command line and environment of `mlflow server`.

All functions are pure. docker/mlflow/README.md documents the variables.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import PurePosixPath
from urllib.parse import parse_qsl, unquote, urlsplit

from mlflow_azure_server._host_names import canonical

# Supported dialects and drivers, each with the Python module that it requires.
_DRIVERS = {
    "mssql+mssqlpython": "mssql_python",
    "mssql+pyodbc": "pyodbc",
    "postgresql": "psycopg",
    "postgresql+psycopg": "psycopg",
    "sqlite": "sqlite3",
}
_DATABASES = ("MLFLOW_BACKEND_STORE_URI", "MLFLOW_REGISTRY_STORE_URI", "MLFLOW_READ_REPLICA_BACKEND_STORE_URI")
_POOL = (
    "MLFLOW_SQLALCHEMYSTORE_POOLCLASS",
    "MLFLOW_SQLALCHEMYSTORE_POOL_SIZE",
    "MLFLOW_SQLALCHEMYSTORE_POOL_RECYCLE",
    "MLFLOW_SQLALCHEMYSTORE_MAX_OVERFLOW",
)
# All variables in the README's table: those that this package reads, and those that only MLflow and Azure's libraries read.
SETTINGS = frozenset(
    {
        *_DATABASES,
        *_POOL,
        "AZURE_CLIENT_ID",
        "AZURE_STORAGE_CONNECTION_STRING",
        "AZURE_TOKEN_CREDENTIALS",
        "CONTAINER_APP_ENV_DNS_SUFFIX",
        "CONTAINER_APP_HOSTNAME",
        "CONTAINER_APP_NAME",
        "MLFLOW_ARTIFACTS_DESTINATION",
        "MLFLOW_AZURE_CUSTOM_DOMAINS",
        "MLFLOW_AZURE_DATABASE_MAY_PAUSE",
        "MLFLOW_AZURE_DATABASE_TIMEOUT",
        "MLFLOW_AZURE_KEEP_OTEL",
        "MLFLOW_AZURE_SQL_PLUGIN",
        "MLFLOW_AZURE_SQL_WAIT",
        "MLFLOW_AZURE_UPGRADE_SCHEMA",
        "MLFLOW_CRYPTO_KEK_PASSPHRASE",
        "MLFLOW_DISABLE_TELEMETRY",
        "MLFLOW_ENABLE_AI_GATEWAY",
        "MLFLOW_EXPOSE_PROMETHEUS",
        "MLFLOW_HOST",
        "MLFLOW_PORT",
        "MLFLOW_SERVER_ALLOWED_HOSTS",
        "MLFLOW_SERVER_CORS_ALLOWED_ORIGINS",
        "MLFLOW_SERVER_DISABLE_SECURITY_MIDDLEWARE",
        "MLFLOW_SERVER_ENABLE_JOB_EXECUTION",
        "MLFLOW_STATIC_PREFIX",
        "MLFLOW_WEBHOOK_SECRET_ENCRYPTION_KEY",
        "MLFLOW_WORKERS",
        "TMPDIR",
    }
)
# The forms that mlflow/store/artifact/azure_blob_artifact_repo.py accepts.
_WASB = re.compile(
    r"wasbs://(?P<container>[a-z0-9](?:[a-z0-9]|-(?!-)){1,61}[a-z0-9])"
    r"@(?P<account>[a-z0-9]{3,24})\.blob\.core\.(?:windows\.net|chinacloudapi\.cn|usgovcloudapi\.net)(?:/.*)?",
)
_HOST_NAME = re.compile(r"(?=.{1,253}\Z)[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?(\.[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?)*")
# The default in mlflow/utils/crypto.py. It is public, so it protects nothing.
_PUBLIC_PASSPHRASE = "mlflow-default-kek-passphrase-for-development-only"
_PASSPHRASE_LENGTH = 32
# The app of this package, an entry point in pyproject.toml.
_APP = "mlflow-azure"
# 32 bytes in base64, also with the alphabet for URLs: what cryptography.fernet accepts.
_FERNET_KEY = re.compile(r"[A-Za-z0-9+/_-]{43}=")
_TRUE = {"true", "1", "yes", "on"}
_FALSE = {"false", "0", "no", "off"}


class SettingError(ValueError):
    """An invalid setting. Its message is the line that the user reads: variable, value, rule, remedy."""

    def __init__(self, variable: str, value: str | None, rule: str, remedy: str) -> None:
        """Build the message. It contains `value`, so pass None for a secret."""
        self.variable = variable
        assignment = "" if value is None else f"={value!r}"
        super().__init__(f"mlflow-azure-server: {variable}{assignment}: {rule}. {remedy}.")


@dataclass(frozen=True)
class Settings:
    """The server's command `argv`, which contains no secret, and its complete environment `env`.

    `upgrade_schema`: whether to upgrade the database schema before the start. `database_timeout`: seconds to wait for the
    database, and for the upgrade by another replica.
    """

    argv: list[str]
    env: dict[str, str]
    upgrade_schema: bool
    database_timeout: int


def settings(env: Mapping[str, str], python: str) -> Settings:
    """Return the server's command and environment for the container's environment.

    `python` is the interpreter with MLflow. A setting that contains only white space counts as not set.
    Raise SettingError for the first invalid setting.
    """
    variables = without_blanks(env)
    _uri, timeout = database(env)
    for variable in _DATABASES[1:]:
        if variable in variables:
            check_database_uri(variable, variables[variable])
    _artifacts(variables)

    host, port = address(variables)
    _static_prefix(variables)
    workers = _number(variables, "MLFLOW_WORKERS", 2, 1, 64)

    hosts, origins = _allowed_hosts_and_origins(variables, host, port)
    # Pass unknown variables through unchanged, including empty values, because some have a meaning for MLflow.
    server = {**variables, "MLFLOW_SERVER_ALLOWED_HOSTS": ",".join(hosts)}
    if origins:
        server["MLFLOW_SERVER_CORS_ALLOWED_ORIGINS"] = ",".join(origins)
    jobs = _boolean(variables, "MLFLOW_SERVER_ENABLE_JOB_EXECUTION", False)
    server["MLFLOW_SERVER_ENABLE_JOB_EXECUTION"] = str(jobs).lower()
    _webhook_key(variables)
    server["MLFLOW_ENABLE_AI_GATEWAY"] = str(_gateway(variables)).lower()
    # The operator decides about MLflow's telemetry.
    server.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
    # MLflow imports GitPython, which otherwise warns that the image has no git.
    server.setdefault("GIT_PYTHON_REFRESH", "quiet")
    _database(variables, server, jobs)
    if not _boolean(variables, "MLFLOW_AZURE_KEEP_OTEL", False):
        # The OpenTelemetry agent of Container Apps injects these variables into every container. With them MLflow would
        # send the traces of its AI gateway to the agent instead of the tracking store.
        server = {name: value for name, value in server.items() if not name.startswith("OTEL_EXPORTER_OTLP_")}

    argv = [python, "-m", "mlflow", "server", "--app-name", _APP]
    argv += ["--host", host, "--port", str(port), "--workers", str(workers)]
    return Settings(
        argv=argv,
        env=server,
        upgrade_schema=_boolean(variables, "MLFLOW_AZURE_UPGRADE_SCHEMA", True),
        database_timeout=timeout,
    )


def without_blanks(env: Mapping[str, str]) -> dict[str, str]:
    """Return `env` without the settings that contain only white space."""
    return {name: value for name, value in env.items() if name not in SETTINGS or value.strip()}


def address(variables: Mapping[str, str]) -> tuple[str, int]:
    """Return the host and port to listen on. Raise SettingError if one is invalid."""
    host = variables.get("MLFLOW_HOST", "0.0.0.0")
    if host != "localhost":
        _ip_address("MLFLOW_HOST", host)
    return host, _number(variables, "MLFLOW_PORT", 5000, 1, 65535)


def directories(env: Mapping[str, str]) -> dict[str, tuple[str, str]]:
    """Return the directories that a server with `env` writes to, by setting, each with its purpose."""
    result = {"TMPDIR": (env.get("TMPDIR", "/tmp"), "the server spools artifacts there")}
    destination = env["MLFLOW_ARTIFACTS_DESTINATION"]
    if "://" not in destination:
        result["MLFLOW_ARTIFACTS_DESTINATION"] = (destination, "the server stores artifacts there")
    elif destination.startswith("file://"):
        path = unquote(urlsplit(destination).path)
        result["MLFLOW_ARTIFACTS_DESTINATION"] = (path, "the server stores artifacts there")
    if "MLFLOW_EXPOSE_PROMETHEUS" in env:
        result["MLFLOW_EXPOSE_PROMETHEUS"] = (env["MLFLOW_EXPOSE_PROMETHEUS"], "the workers share their metrics there")
    return result


def check_database_uri(variable: str, uri: str) -> None:
    """Raise SettingError unless `uri` is a database URI for which the image has a driver.

    The message contains only the scheme of the URI, because the rest may contain a password.
    """
    scheme, separator, _rest = uri.partition("://")
    if not separator or not re.fullmatch(r"[a-z0-9_]+(\+[a-z0-9_]+)?", scheme):
        raise SettingError(
            variable, None, "is not a database URI", "Use <dialect>+<driver>://…, and percent-encode user and password"
        )
    if scheme not in _DRIVERS:
        raise SettingError(
            variable, f"{scheme}://…", "the image has no driver for this scheme", f"Use one of {', '.join(_DRIVERS)}"
        )
    if scheme == "sqlite":
        return
    try:
        parts = urlsplit(uri)
        parts.port  # noqa: B018  (reading the property validates the port)
    except ValueError:
        raise SettingError(
            variable,
            f"{scheme}://…",
            "host and port cannot be parsed",
            "Percent-encode every / ? # @ : [ ] and % in user and password",
        ) from None
    if not parts.hostname or not parts.path.strip("/"):
        raise SettingError(
            variable, f"{scheme}://…", "has no server or no database", "Use <scheme>://<server>:<port>/<database>"
        )
    if not scheme.startswith("mssql"):
        return
    options = {name.lower(): value.lower() for name, value in parse_qsl(parts.query, keep_blank_values=True)}
    if "fast_executemany" in options:
        raise SettingError(
            variable,
            f"{scheme}://…",
            "has fast_executemany, with which pyodbc stores long text outside Latin-1 wrongly and reports no error",
            "Remove fast_executemany",
        )
    authentication = options.get("authentication", "")
    if scheme == "mssql+pyodbc":
        if "driver" not in options:
            raise SettingError(
                variable, f"{scheme}://…", "has no ODBC driver", "Add driver=ODBC+Driver+18+for+SQL+Server"
            )
        if authentication and not parts.username and "authentication=" not in parts.query:
            # SQLAlchemy adds Trusted_Connection=Yes, which the driver rejects together with Authentication (FA001).
            raise SettingError(
                variable,
                f"{scheme}://…",
                "has Authentication and no user, which means Windows authentication for the ODBC driver",
                "Use the client id of the managed identity as the user: mssql+pyodbc://<client id>@…",
            )
    if authentication in {"activedirectorymsi", "activedirectorymanagedidentity"} and parts.password:
        raise SettingError(
            variable,
            f"{scheme}://…",
            "has both a password and Authentication by managed identity",
            "Remove the password or Authentication",
        )
    if not authentication and not parts.username:
        raise SettingError(
            variable,
            f"{scheme}://…",
            "has neither a user nor Authentication",
            "Add <user>:<password>@, or Authentication=ActiveDirectoryMSI&UID=<client id of the managed identity>",
        )


def _database(variables: Mapping[str, str], server: dict[str, str], jobs: bool) -> None:
    """Add the settings of the databases to the environment `server`."""
    for variable in _DATABASES:
        if variable in variables:
            server[variable] = _with_plugins(variables, variables[variable])
    for variable in _DATABASES:
        uri = server.get(variable, "")
        if uri.startswith("mssql+pyodbc:") and not re.search(r"[?&]plugin=azure_sql(&|\Z)", uri):
            raise SettingError(
                variable,
                "mssql+pyodbc://…",
                "requires the plugin azure_sql, without which long text outside Latin-1 is stored wrongly and without an error",
                "Remove MLFLOW_AZURE_SQL_PLUGIN=false, add plugin=azure_sql, or use mssql+mssqlpython://…",
            )
    variable = "MLFLOW_AZURE_DATABASE_MAY_PAUSE"
    if not _boolean(variables, variable, False):
        return
    if jobs:
        raise SettingError(
            variable,
            "true",
            "conflicts with MLFLOW_SERVER_ENABLE_JOB_EXECUTION=true, because the jobs query the database every minute",
            "Remove one of them",
        )
    for name in _POOL:
        if name in variables:
            raise SettingError(
                variable, "true", f"disables the connection pool, which {name} configures", "Remove one of them"
            )
    server["MLFLOW_SQLALCHEMYSTORE_POOLCLASS"] = "NullPool"


def _with_plugins(variables: Mapping[str, str], uri: str) -> str:
    """Return a database URI with the engine plugins for its database. A URI with plugins, and PostgreSQL's, do not change."""
    wait = _number(variables, "MLFLOW_AZURE_SQL_WAIT", 60, 0, 200)
    options = {"sqlite": "plugin=value_lengths"}
    if _boolean(variables, "MLFLOW_AZURE_SQL_PLUGIN", True):
        options["mssql"] = f"plugin=azure_sql&azure_sql_wait={wait}&plugin=value_lengths"
    added = options.get(uri.partition(":")[0].partition("+")[0])
    if added is None or "plugin=" in uri:
        return uri
    return f"{uri}{'&' if '?' in uri else '?'}{added}"


def database(env: Mapping[str, str]) -> tuple[str, int]:
    """Return the URI of the database, and the seconds to wait for it. Raise SettingError if a setting is invalid."""
    variables = without_blanks(env)
    variable = "MLFLOW_BACKEND_STORE_URI"
    uri = _required(variables, variable, "a database URI", "mssql+mssqlpython://…, see the README")
    check_database_uri(variable, uri)
    return _with_plugins(variables, uri), _number(variables, "MLFLOW_AZURE_DATABASE_TIMEOUT", 300, 1, 3600)


def secrets_in(uri: str) -> list[str]:
    """Return the password in `uri`, percent-encoded and plain, so that it can be removed from messages."""
    try:
        password = urlsplit(uri).password
    except ValueError:
        return []
    return sorted({password, unquote(password)}, key=len, reverse=True) if password else []


def _artifacts(variables: Mapping[str, str]) -> None:
    variable = "MLFLOW_ARTIFACTS_DESTINATION"
    form = "wasbs://<container>@<account>.blob.core.windows.net/<path>"
    destination = _required(variables, variable, "the storage for artifacts", form)
    scheme, separator, _rest = destination.partition("://")
    if not separator:
        if not PurePosixPath(destination).is_absolute():
            raise SettingError(variable, destination, "is neither a URI nor an absolute path", f"Use {form}")
        return
    if scheme == "file":
        parts = urlsplit(destination)
        if parts.netloc not in {"", "localhost"} or not parts.path.startswith("/"):
            raise SettingError(variable, destination, "is not a local directory", "Use file:///<path>")
        return
    if scheme == "wasb":
        raise SettingError(
            variable,
            "wasb://…",
            "MLflow has no artifact store for this scheme",
            f"Replace it by wasbs://, with the same container, account and path: {form}",
        )
    if scheme != "wasbs":
        raise SettingError(variable, f"{scheme}://…", "the image does not support this scheme", f"Use {form}")
    match = _WASB.fullmatch(destination)
    if not match:
        raise SettingError(variable, destination, "is not the URI of a blob container", f"Use {form}")
    # With a connection string MLflow silently ignores the account in the URI.
    connection = dict(
        part.split("=", 1) for part in variables.get("AZURE_STORAGE_CONNECTION_STRING", "").split(";") if "=" in part
    )
    account = connection.get("AccountName")
    if account is not None and account != match["account"]:
        raise SettingError(
            "AZURE_STORAGE_CONNECTION_STRING",
            None,
            f"is for the account {account}, and {variable} is for {match['account']}",
            "Remove it to use the managed identity, or use the same account in both",
        )


def _allowed_hosts_and_origins(variables: Mapping[str, str], host: str, port: int) -> tuple[list[str], list[str]]:
    """Return the host names that the server accepts, and the browser origins that are allowed to write."""
    if _boolean(variables, "MLFLOW_SERVER_DISABLE_SECURITY_MIDDLEWARE", False):
        raise SettingError(
            "MLFLOW_SERVER_DISABLE_SECURITY_MIDDLEWARE",
            "true",
            "would allow every web site that a user visits to read and change the stored data",
            "Remove it, and add further host names of the app to MLFLOW_AZURE_CUSTOM_DOMAINS",
        )
    app = _host_name(variables, "CONTAINER_APP_NAME")
    suffix = _host_name(variables, "CONTAINER_APP_ENV_DNS_SUFFIX")
    revision = _host_name(variables, "CONTAINER_APP_HOSTNAME")
    domains = [
        _valid_host("MLFLOW_AZURE_CUSTOM_DOMAINS", name) for name in _list(variables, "MLFLOW_AZURE_CUSTOM_DOMAINS")
    ]

    browser_names = [revision] if revision else []
    if app and suffix:
        browser_names = [f"{app}.{suffix}", f"{app}.internal.{suffix}", *browser_names]
    browser_names += domains
    # Most clients omit the ports 443 and 80 in the Host header, but not all. Other apps of the environment use the plain
    # app name. localhost is for this container and for a tunnel to it. The server's background jobs use host:port.
    hosts = [form for name in browser_names for form in (name, f"{name}:443")]
    hosts += [app, f"{app}:80"] if app else []
    hosts += ["localhost", "localhost:*", "127.0.0.1", "127.0.0.1:*"]
    hosts.append(f"[{host}]:{port}" if ":" in host else f"{host}:{port}")

    # The app compares both lists with headers in their canonical form.
    hosts = [canonical(name) for name in _list(variables, "MLFLOW_SERVER_ALLOWED_HOSTS")] or hosts
    for name in hosts:
        if set(name) <= set("*.:"):
            raise SettingError(
                "MLFLOW_SERVER_ALLOWED_HOSTS",
                name,
                "allows every host name",
                "List the host names of the app, or remove it to use the derived names",
            )
    origins = [canonical(origin) for origin in _list(variables, "MLFLOW_SERVER_CORS_ALLOWED_ORIGINS")]
    origins = origins or [f"https://{name}" for name in browser_names]
    for origin in origins:
        scheme, _separator, name = origin.partition("://")
        if scheme not in {"http", "https"} or not name or set(name) <= set("*.:") or "/" in name:
            raise SettingError(
                "MLFLOW_SERVER_CORS_ALLOWED_ORIGINS",
                origin,
                "is not the origin of one site",
                "Use https://<host name> without a path, or remove it to use the derived origins",
            )
    return list(dict.fromkeys(hosts)), list(dict.fromkeys(origins))


def _gateway(variables: Mapping[str, str]) -> bool:
    """Return whether the AI gateway is enabled. It requires a passphrase that encrypts the stored API keys."""
    variable = "MLFLOW_CRYPTO_KEK_PASSPHRASE"
    passphrase = variables.get(variable)
    enabled = _boolean(variables, "MLFLOW_ENABLE_AI_GATEWAY", passphrase is not None)
    if not enabled:
        return False
    remedy = (
        f"Set it to a random text of at least {_PASSPHRASE_LENGTH} characters from a secret, "
        "or set MLFLOW_ENABLE_AI_GATEWAY=false"
    )
    if passphrase is None:
        raise SettingError(variable, None, "is missing, and the AI gateway encrypts API keys with it", remedy)
    if passphrase == _PUBLIC_PASSPHRASE:
        raise SettingError(variable, None, "is the public default of MLflow", remedy)
    if len(passphrase) < _PASSPHRASE_LENGTH:
        raise SettingError(variable, None, f"is shorter than {_PASSPHRASE_LENGTH} characters", remedy)
    return True


def _webhook_key(variables: Mapping[str, str]) -> None:
    """Raise SettingError if the key for the secrets of webhooks has another format than MLflow requires."""
    variable = "MLFLOW_WEBHOOK_SECRET_ENCRYPTION_KEY"
    if variable in variables and not _FERNET_KEY.fullmatch(variables[variable]):
        raise SettingError(
            variable,
            None,
            "is not a Fernet key, which is 32 bytes in base64",
            "Set it to the output of `openssl rand -base64 32` from a secret, or remove it",
        )


def _required(variables: Mapping[str, str], variable: str, purpose: str, form: str) -> str:
    if variable not in variables:
        raise SettingError(variable, None, f"is missing ({purpose})", f"Set it to {form}")
    return variables[variable]


def _boolean(variables: Mapping[str, str], variable: str, default: bool) -> bool:
    value = variables.get(variable)
    if value is None:
        return default
    if value.lower() in _TRUE:
        return True
    if value.lower() in _FALSE:
        return False
    raise SettingError(variable, value, "is neither true nor false", "Set it to true or false, or remove it")


def _number(variables: Mapping[str, str], variable: str, default: int, low: int, high: int) -> int:
    value = variables.get(variable)
    if value is None:
        return default
    if not re.fullmatch(r"[0-9]{1,6}", value) or not low <= int(value) <= high:
        raise SettingError(
            variable, value, f"is not a whole number from {low} to {high}", f"Correct it, or remove it for {default}"
        )
    return int(value)


def _static_prefix(variables: Mapping[str, str]) -> None:
    variable = "MLFLOW_STATIC_PREFIX"
    if variable in variables and not re.fullmatch(r"(/[\w.~-]+)+", variables[variable], re.ASCII):
        raise SettingError(
            variable, variables[variable], "is not a path prefix", "Use /<path> without a slash at the end"
        )


def _ip_address(variable: str, value: str) -> None:
    try:
        ipaddress.ip_address(value)
    except ValueError:
        raise SettingError(
            variable, value, "is not an address to listen on", "Set it to 0.0.0.0, or remove it"
        ) from None


def _host_name(variables: Mapping[str, str], variable: str) -> str | None:
    return _valid_host(variable, variables[variable]) if variable in variables else None


def _valid_host(variable: str, value: str) -> str:
    name = value.strip().lower()
    if not _HOST_NAME.fullmatch(name):
        raise SettingError(variable, value, "is not a host name", "Use names such as mlflow.example.org, not URLs")
    return name


def _list(variables: Mapping[str, str], variable: str) -> list[str]:
    return [part.strip() for part in variables.get(variable, "").split(",") if part.strip()]


def missing_driver(uri: str, is_importable: Callable[[str], bool]) -> str | None:
    """Return the module that the scheme of `uri` requires if it cannot be imported, else None."""
    module = _DRIVERS[uri.partition("://")[0]]
    return None if is_importable(module) else module
