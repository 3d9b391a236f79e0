# Copyright (c) 2026, mlops.mlflow_azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the container was told, checked, as the command line and environment of `mlflow server`.

Everything here is pure: environment in, command and environment out. The table of all variables is in
docker/mlflow/README.md.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import PurePosixPath
from urllib.parse import parse_qsl, unquote, urlsplit

# Dialect and driver -> the module that must be there; what the image holds.
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
# The README's table: what is read here, and what only MLflow and Azure's libraries read.
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
# mlflow/store/artifact/azure_blob_artifact_repo.py understands exactly these.
_WASB = re.compile(
    r"wasbs?://(?P<container>[a-z0-9](?:[a-z0-9]|-(?!-)){1,61}[a-z0-9])"
    r"@(?P<account>[a-z0-9]{3,24})\.blob\.core\.(?:windows\.net|chinacloudapi\.cn|usgovcloudapi\.net)(?:/.*)?",
)
_HOST_NAME = re.compile(r"(?=.{1,253}\Z)[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?(\.[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?)*")
# mlflow/utils/crypto.py: published with MLflow's source, so it protects nothing.
_PUBLIC_PASSPHRASE = "mlflow-default-kek-passphrase-for-development-only"
_PASSPHRASE_LENGTH = 32
_TRUE = {"true", "1", "yes", "on"}
_FALSE = {"false", "0", "no", "off"}


class SettingError(ValueError):
    """A setting that the server can not be started with; its text is the one line that the user sees."""

    def __init__(self, variable: str, value: str | None, rule: str, remedy: str) -> None:
        """Say what is wrong with C(variable).

        `value` is shown as it is, so never pass a secret; None leaves it out.
        """
        self.variable = variable
        shown = "" if value is None else f"={value!r}"
        super().__init__(f"mlflow-azure-server: {variable}{shown}: {rule}. {remedy}.")


@dataclass(frozen=True)
class Settings:
    """What to run: `argv` without any secret, and the complete environment `env` to run it in.

    `upgrade_schema` says whether the database may be brought to this MLflow's schema before the start,
    `database_timeout` how many seconds the database may take to answer, or another replica to finish doing so.
    """

    argv: list[str]
    env: dict[str, str]
    upgrade_schema: bool
    database_timeout: int


def settings(env: Mapping[str, str], python: str) -> Settings:
    """Turn the container's environment into the server's command and environment.

    `python` is the interpreter that has MLflow. A setting of nothing but white space counts as one that is not there.
    Raises SettingError for the first setting that cannot be right.
    """
    given = without_blanks(env)
    backend = _required(given, "MLFLOW_BACKEND_STORE_URI", "a database URI", "mssql+mssqlpython://…, see the README")
    check_database_uri("MLFLOW_BACKEND_STORE_URI", backend)
    for variable in _DATABASES[1:]:
        if variable in given:
            check_database_uri(variable, given[variable])
    _artifacts(given)

    host, port = address(given)
    _static_prefix(given)
    workers = _number(given, "MLFLOW_WORKERS", 2, 1, 64)

    hosts, origins = _names(given, host, port)
    # What we do not know goes through as it is, empty values too: MLflow gives some of them a meaning.
    server = {**given, "MLFLOW_SERVER_ALLOWED_HOSTS": ",".join(hosts)}
    if origins:
        server["MLFLOW_SERVER_CORS_ALLOWED_ORIGINS"] = ",".join(origins)
    jobs = _flag(given, "MLFLOW_SERVER_ENABLE_JOB_EXECUTION", False)
    server["MLFLOW_SERVER_ENABLE_JOB_EXECUTION"] = str(jobs).lower()
    server["MLFLOW_ENABLE_AI_GATEWAY"] = str(_gateway(given)).lower()
    # MLflow's own usage reports are the operator's choice, not ours.
    server.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
    # MLflow imports GitPython, which otherwise complains that the image has no git.
    server.setdefault("GIT_PYTHON_REFRESH", "quiet")
    _database(given, server, jobs)
    if not _flag(given, "MLFLOW_AZURE_KEEP_OTEL", False):
        # Container Apps' OpenTelemetry agent puts these into every container. With them MLflow sends the traces
        # of its own gateway to that agent instead of the tracking store, where nobody finds them.
        server = {name: value for name, value in server.items() if not name.startswith("OTEL_EXPORTER_OTLP_")}

    argv = [python, "-m", "mlflow", "server", "--host", host, "--port", str(port), "--workers", str(workers)]
    return Settings(
        argv=argv,
        env=server,
        upgrade_schema=_flag(given, "MLFLOW_AZURE_UPGRADE_SCHEMA", True),
        database_timeout=_number(given, "MLFLOW_AZURE_DATABASE_TIMEOUT", 300, 1, 3600),
    )


def without_blanks(env: Mapping[str, str]) -> dict[str, str]:
    """`env` without the settings that hold nothing but white space."""
    return {name: value for name, value in env.items() if name not in SETTINGS or value.strip()}


def address(given: Mapping[str, str]) -> tuple[str, int]:
    """Host and port to listen on, of an environment without blanks. Raises SettingError."""
    host = given.get("MLFLOW_HOST", "0.0.0.0")
    if host != "localhost":
        _ip_address("MLFLOW_HOST", host)
    return host, _number(given, "MLFLOW_PORT", 5000, 1, 65535)


def directories(env: Mapping[str, str]) -> dict[str, tuple[str, str]]:
    """The directories that a server with `env` writes to, by setting: each with what it is needed for."""
    found = {"TMPDIR": (env.get("TMPDIR", "/tmp"), "artifacts are spooled there on their way")}
    destination = env["MLFLOW_ARTIFACTS_DESTINATION"]
    if "://" not in destination:
        found["MLFLOW_ARTIFACTS_DESTINATION"] = (destination, "artifacts are kept there")
    elif destination.startswith("file://"):
        found["MLFLOW_ARTIFACTS_DESTINATION"] = (unquote(urlsplit(destination).path), "artifacts are kept there")
    if "MLFLOW_EXPOSE_PROMETHEUS" in env:
        found["MLFLOW_EXPOSE_PROMETHEUS"] = (env["MLFLOW_EXPOSE_PROMETHEUS"], "the workers share their figures there")
    return found


def check_database_uri(variable: str, uri: str) -> None:
    """Raise SettingError unless `uri` is a database URI that the image has a driver for.

    Shows no more of the URI than its scheme: the rest may hold a password.
    """
    scheme, separator, _rest = uri.partition("://")
    if not separator or not re.fullmatch(r"[a-z0-9_]+(\+[a-z0-9_]+)?", scheme):
        raise SettingError(
            variable, None, "is not a database URI", "Give <dialect>+<driver>://…, percent-encode user and password"
        )
    if scheme not in _DRIVERS:
        raise SettingError(
            variable, f"{scheme}://…", "the image has no driver for this scheme", f"Use one of {', '.join(_DRIVERS)}"
        )
    if scheme == "sqlite":
        return
    try:
        parts = urlsplit(uri)
        parts.port  # noqa: B018  (reading it is what checks it)
    except ValueError:
        raise SettingError(
            variable,
            f"{scheme}://…",
            "host and port cannot be read",
            "Percent-encode every / ? # @ : [ ] and % in user and password",
        ) from None
    if not parts.hostname or not parts.path.strip("/"):
        raise SettingError(
            variable, f"{scheme}://…", "names no server or no database", "Give <scheme>://<server>:<port>/<database>"
        )
    if not scheme.startswith("mssql"):
        return
    options = {name.lower(): value.lower() for name, value in parse_qsl(parts.query)}
    authentication = options.get("authentication", "")
    if scheme == "mssql+pyodbc":
        if "driver" not in options:
            raise SettingError(
                variable, f"{scheme}://…", "names no ODBC driver", "Add driver=ODBC+Driver+18+for+SQL+Server"
            )
        if authentication and not parts.username and "authentication=" not in parts.query:
            # SQLAlchemy adds Trusted_Connection=Yes, which the driver refuses beside Authentication (FA001).
            raise SettingError(
                variable,
                f"{scheme}://…",
                "has Authentication and no user, which the ODBC driver takes for Windows authentication",
                "Put the managed identity's client id where the user goes: mssql+pyodbc://<client id>@…",
            )
    if authentication in {"activedirectorymsi", "activedirectorymanagedidentity"} and parts.password:
        raise SettingError(
            variable,
            f"{scheme}://…",
            "has a password and Authentication by managed identity",
            "Leave the password out, or Authentication",
        )
    if not authentication and not parts.username:
        raise SettingError(
            variable,
            f"{scheme}://…",
            "says neither who logs in nor Authentication",
            "Add <user>:<password>@, or Authentication=ActiveDirectoryMSI&UID=<client id of the managed identity>",
        )


def _database(given: Mapping[str, str], server: dict[str, str], jobs: bool) -> None:
    """Put into `server` how the databases of `given` are dealt with."""
    wait = _number(given, "MLFLOW_AZURE_SQL_WAIT", 60, 0, 200)
    if _flag(given, "MLFLOW_AZURE_SQL_PLUGIN", True):
        for variable in _DATABASES:
            uri = given.get(variable, "")
            if uri.startswith("mssql+") and "plugin=" not in uri:
                server[variable] = f"{uri}{'&' if '?' in uri else '?'}plugin=azure_sql&azure_sql_wait={wait}"
    variable = "MLFLOW_AZURE_DATABASE_MAY_PAUSE"
    if not _flag(given, variable, False):
        return
    if jobs:
        raise SettingError(
            variable,
            "true",
            "cannot be with MLFLOW_SERVER_ENABLE_JOB_EXECUTION=true, whose jobs ask the database every minute",
            "Leave one of them out",
        )
    for name in _POOL:
        if name in given:
            raise SettingError(
                variable, "true", f"keeps no pool of connections, and {name} asks for one", "Remove one of them"
            )
    server["MLFLOW_SQLALCHEMYSTORE_POOLCLASS"] = "NullPool"


def secrets_in(uri: str) -> list[str]:
    """The password within `uri`, encoded and plain, for taking it out of other people's messages."""
    try:
        password = urlsplit(uri).password
    except ValueError:
        return []
    return sorted({password, unquote(password)}, key=len, reverse=True) if password else []


def _artifacts(given: Mapping[str, str]) -> None:
    variable = "MLFLOW_ARTIFACTS_DESTINATION"
    form = "wasbs://<container>@<account>.blob.core.windows.net/<path>"
    destination = _required(given, variable, "where artifacts are kept", form)
    scheme, separator, _rest = destination.partition("://")
    if not separator:
        if not PurePosixPath(destination).is_absolute():
            raise SettingError(variable, destination, "is neither a URI nor an absolute path", f"Give {form}")
        return
    if scheme == "file":
        parts = urlsplit(destination)
        if parts.netloc not in {"", "localhost"} or not parts.path.startswith("/"):
            raise SettingError(variable, destination, "is not a directory of this machine", "Give file:///<path>")
        return
    if scheme not in {"wasb", "wasbs"}:
        raise SettingError(variable, f"{scheme}://…", "the image cannot write there", f"Give {form}")
    match = _WASB.fullmatch(destination)
    if not match:
        raise SettingError(variable, destination, "is not the address of a container", f"Give {form}")
    # MLflow prefers the connection string and then ignores the account in the URI without a word.
    connection = dict(
        part.split("=", 1) for part in given.get("AZURE_STORAGE_CONNECTION_STRING", "").split(";") if "=" in part
    )
    account = connection.get("AccountName")
    if account is not None and account != match["account"]:
        raise SettingError(
            "AZURE_STORAGE_CONNECTION_STRING",
            None,
            f"is for the account {account}, and {variable} for {match['account']}",
            "Remove it, so that the managed identity is used, or make both name the same account",
        )


def _names(given: Mapping[str, str], host: str, port: int) -> tuple[list[str], list[str]]:
    """The host names that the server answers to and the browser origins that may write."""
    if _flag(given, "MLFLOW_SERVER_DISABLE_SECURITY_MIDDLEWARE", False):
        raise SettingError(
            "MLFLOW_SERVER_DISABLE_SECURITY_MIDDLEWARE",
            "true",
            "would let every web site that a user visits read and change what is stored",
            "Remove it, and add further names of the app to MLFLOW_AZURE_CUSTOM_DOMAINS",
        )
    app = _host_name(given, "CONTAINER_APP_NAME")
    suffix = _host_name(given, "CONTAINER_APP_ENV_DNS_SUFFIX")
    revision = _host_name(given, "CONTAINER_APP_HOSTNAME")
    domains = [_valid_host("MLFLOW_AZURE_CUSTOM_DOMAINS", name) for name in _list(given, "MLFLOW_AZURE_CUSTOM_DOMAINS")]

    browser_names = [revision] if revision else []
    if app and suffix:
        browser_names = [f"{app}.{suffix}", f"{app}.internal.{suffix}", *browser_names]
    browser_names += domains
    # Port 443 and 80 are mostly left out of the Host header, but not by every client. The bare app name is what
    # other apps of the environment call. localhost is this container (and a tunnel to it); so is host:port, the
    # address that the server's own background jobs use.
    hosts = [form for name in browser_names for form in (name, f"{name}:443")]
    hosts += [app, f"{app}:80"] if app else []
    hosts += ["localhost", "localhost:*", "127.0.0.1", "127.0.0.1:*"]
    hosts.append(f"[{host}]:{port}" if ":" in host else f"{host}:{port}")

    hosts = _list(given, "MLFLOW_SERVER_ALLOWED_HOSTS") or hosts
    for name in hosts:
        if set(name) <= set("*.:"):
            raise SettingError(
                "MLFLOW_SERVER_ALLOWED_HOSTS",
                name,
                "allows every host name",
                "Name the app's own host names, or remove it to have them derived",
            )
    origins = _list(given, "MLFLOW_SERVER_CORS_ALLOWED_ORIGINS") or [f"https://{name}" for name in browser_names]
    for origin in origins:
        scheme, _separator, name = origin.partition("://")
        if scheme not in {"http", "https"} or not name or set(name) <= set("*.:") or "/" in name:
            raise SettingError(
                "MLFLOW_SERVER_CORS_ALLOWED_ORIGINS",
                origin,
                "is not the origin of one site",
                "Give https://<host name>, without a path, or remove it to have it derived",
            )
    return list(dict.fromkeys(hosts)), list(dict.fromkeys(origins))


def _gateway(given: Mapping[str, str]) -> bool:
    """Whether the AI gateway may run: only with a passphrase of its own for the API keys that it stores."""
    variable = "MLFLOW_CRYPTO_KEK_PASSPHRASE"
    passphrase = given.get(variable)
    enabled = _flag(given, "MLFLOW_ENABLE_AI_GATEWAY", passphrase is not None)
    if not enabled:
        return False
    remedy = (
        f"Give a random text of {_PASSPHRASE_LENGTH} characters or more from a secret, "
        "or MLFLOW_ENABLE_AI_GATEWAY=false"
    )
    if passphrase is None:
        raise SettingError(variable, None, "is missing, and the AI gateway stores API keys under it", remedy)
    if passphrase == _PUBLIC_PASSPHRASE:
        raise SettingError(variable, None, "is the one published in MLflow's source", remedy)
    if len(passphrase) < _PASSPHRASE_LENGTH:
        raise SettingError(variable, None, f"is shorter than {_PASSPHRASE_LENGTH} characters", remedy)
    return True


def _required(given: Mapping[str, str], variable: str, what: str, form: str) -> str:
    if variable not in given:
        raise SettingError(variable, None, f"is missing ({what})", f"Set it to {form}")
    return given[variable]


def _flag(given: Mapping[str, str], variable: str, default: bool) -> bool:
    value = given.get(variable)
    if value is None:
        return default
    if value.lower() in _TRUE:
        return True
    if value.lower() in _FALSE:
        return False
    raise SettingError(variable, value, "is neither true nor false", "Set it to true or false, or remove it")


def _number(given: Mapping[str, str], variable: str, default: int, low: int, high: int) -> int:
    value = given.get(variable)
    if value is None:
        return default
    if not re.fullmatch(r"[0-9]{1,6}", value) or not low <= int(value) <= high:
        raise SettingError(
            variable, value, f"is not a whole number from {low} to {high}", f"Set it to {default}, say, or remove it"
        )
    return int(value)


def _static_prefix(given: Mapping[str, str]) -> None:
    variable = "MLFLOW_STATIC_PREFIX"
    if variable in given and not re.fullmatch(r"(/[\w.~-]+)+", given[variable], re.ASCII):
        raise SettingError(
            variable, given[variable], "is not the beginning of a path", "Give /<path> without a slash at its end"
        )


def _ip_address(variable: str, value: str) -> None:
    try:
        ipaddress.ip_address(value)
    except ValueError:
        raise SettingError(
            variable, value, "is not an address to listen on", "Set it to 0.0.0.0, or remove it"
        ) from None


def _host_name(given: Mapping[str, str], variable: str) -> str | None:
    return _valid_host(variable, given[variable]) if variable in given else None


def _valid_host(variable: str, value: str) -> str:
    name = value.strip().lower()
    if not _HOST_NAME.fullmatch(name):
        raise SettingError(variable, value, "is not a host name", "Give names such as mlflow.example.org, no URL")
    return name


def _list(given: Mapping[str, str], variable: str) -> list[str]:
    return [part.strip() for part in given.get(variable, "").split(",") if part.strip()]


def missing_driver(uri: str, is_importable: Callable[[str], bool]) -> str | None:
    """The module that the scheme of `uri` needs and `is_importable` denies, or None."""
    module = _DRIVERS[uri.partition("://")[0]]
    return None if is_importable(module) else module
