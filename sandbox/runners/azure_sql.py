# Copyright (c) 2026, mlops.mlflow_azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Azure SQL for apps: validates a `mssql+…://` URI as Azure SQL does at login, and replaces it by the URI of a substitute.

An HTTPS proxy does not carry port 1433. So an app gets the URI of a SQLite file, or of a database on the SQL Server of `--sql-server`,
instead of the URI in its settings. Resource Manager returns the original settings.
"""

from __future__ import annotations

import ipaddress
import json
import logging
import re
import secrets
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, quote, unquote, urlencode, urlsplit

from sandbox.entra.identity_endpoint import identities
from sandbox.host.background import BackgroundTasks
from sandbox.providers.sql.server import password_matches
from sandbox.runners.text_lengths import TextLengths
from sandbox.store import Resource, Store

LOG = logging.getLogger(__name__)
SUFFIX = ".database.windows.net"
SERVERS = "microsoft.sql/servers"
DATABASES = "microsoft.sql/servers/databases"
RULES = "microsoft.sql/servers/firewallrules"
_URI = re.compile(r"mssql(?:\+\w+)?://[^\s\"']+", re.IGNORECASE)
SETUP_SECONDS = 120
_REPLACED = ("authentication", "uid", "pwd", "encrypt", "trustservercertificate")


class LoginFailed(Exception):
    """Failed login; the message is that of Azure SQL."""


@dataclass(frozen=True)
class SqlServer:
    """SQL Server behind the Azure SQL databases, and a login that may create databases and logins."""

    host: str
    port: int
    user: str
    password: str


@dataclass(frozen=True)
class Login:
    """Login of a URI."""

    scheme: str
    server: str
    database: str
    user: str
    password: str
    query: dict[str, str]

    @property
    def managed_identity(self) -> bool:
        """Return whether the login uses a managed identity."""
        return self.query.get("authentication", "").lower() in (
            "activedirectorymsi",
            "activedirectorymanagedidentity",
            "activedirectorydefault",
        )


def azure_sql_uris(value: str) -> list[str]:
    """Return the URIs of Azure SQL databases in a variable or an argument."""
    return [uri for uri in _URI.findall(value) if (urlsplit(uri).hostname or "").lower().endswith(SUFFIX)]


def object_ids(store: Store, owner: Resource) -> dict[str, str]:
    """Return the object ids of the identities of an app or a job, by client id."""
    return {identity.client_id.lower(): identity.object_id for identity in identities(store, owner)}


def parse_uri(uri: str) -> Login:
    """Return the login of a URI."""
    parts = urlsplit(uri)
    query = {name.lower(): value for name, value in parse_qsl(parts.query, keep_blank_values=True)}
    host = (parts.hostname or "").lower()
    return Login(
        parts.scheme,
        host.removesuffix(SUFFIX),
        unquote(parts.path.strip("/")),
        unquote(parts.username or ""),
        unquote(parts.password or ""),
        query,
    )


@dataclass(frozen=True)
class Substitute:
    """Substitute of a database: its URI, a message for the log, the job of `set_up` that comes first, and the SQLite file."""

    uri: str
    message: str
    job: dict[str, Any] | None
    file: Path | None = None


class AzureSql:
    """Logins of apps to the SQL servers of the sandbox."""

    def __init__(self, store: Store, folder: Path, sql_server: SqlServer | None) -> None:
        self._store = store
        self._folder = folder
        self._sql_server = sql_server
        self._lengths = TextLengths()
        self._tasks = BackgroundTasks(LOG, "the text lengths of the SQLite files are not enforced")

    def recover(self) -> None:
        """Start to enforce text lengths in the SQLite files."""
        self._tasks.start(self._lengths.watch())

    async def close(self) -> None:
        """End the background task."""
        await self._tasks.cancel()

    def authorize(self, login: Login, identities: dict[str, str]) -> Resource:
        """Return the database of a login. `identities`: of the app, client id to object id. Raise LoginFailed."""
        server = self._store.named(SERVERS, login.server)
        if server is None or server.state == "Deleting":
            raise LoginFailed(
                f"Cannot open server '{login.server}' requested by the login. The server was not found. (40532)"
            )
        self._check_firewall(server)
        self._check_identity(server, login, identities)
        database = self._store.get(f"{server.id}/databases/{login.database}")
        if database is None or database.state not in ("Succeeded", "Updating"):
            raise LoginFailed(
                f'Cannot open database "{login.database}" requested by the login. The login failed. (4060)'
            )
        return database

    def _check_firewall(self, server: Resource) -> None:
        """Raise LoginFailed unless a firewall rule allows Azure's addresses, from which an app without a virtual network connects."""
        address = ipaddress.IPv4Address("20.50.2.1")
        if server.properties["publicNetworkAccess"] == "Disabled":
            raise LoginFailed(
                "Reason: An instance-specific error occurred while establishing a connection to SQL Server. "
                f"Connection was denied since Deny Public Network Access is set to Yes on server '{server.name}'. (47073)"
            )
        for rule in self._store.below(server.id, RULES):
            start, end = rule.properties["startIpAddress"], rule.properties["endIpAddress"]
            if start == end == "0.0.0.0" or ipaddress.IPv4Address(start) <= address <= ipaddress.IPv4Address(end):
                return
        raise LoginFailed(
            f"Cannot open server '{server.name}' requested by the login. Client with IP address '{address}' is not allowed to access the "
            "server. To enable access, use the Azure Management Portal or run sp_set_firewall_rule on the master database to create a "
            "firewall rule for this IP address or address range. It may take up to five minutes for this change to take effect. (40615)"
        )

    def _check_identity(self, server: Resource, login: Login, identities: dict[str, str]) -> None:
        """Raise LoginFailed unless the login is an administrator of the server."""
        entra = server.properties.get("administrators") or {}
        if login.managed_identity:
            client = (login.query.get("uid") or login.user).lower()
            client_id = client if client else (next(iter(identities)) if len(identities) == 1 else "")
            if client_id not in identities:
                raise LoginFailed(f"Login failed: the managed identity '{client}' is not assigned to this app. (FA004)")
            # the sid of an application is its client id, that of a user or a group its object id
            sid = client_id if entra.get("principalType") == "Application" else identities[client_id].lower()
            if str(entra.get("sid", "")).lower() != sid:
                raise LoginFailed("Login failed for user '<token-identified principal>'. (18456)")
            return
        if entra.get("azureADOnlyAuthentication"):
            raise LoginFailed(
                f"Login failed for user '{login.user}'. Reason: Azure Active Directory only authentication is enabled. (18456)"
            )
        same = login.user.lower().partition("@")[0] == server.properties["administratorLogin"].lower()
        if not same or not password_matches(server, login.password):
            raise LoginFailed(f"Login failed for user '{login.user}'. (18456)")

    def forget(self, database: Resource) -> None:
        """Remove the SQLite file of a deleted database. A database on a SQL Server remains, and is not used again."""
        server = database.id.lower().partition("/servers/")[2].partition("/")[0]
        self._lengths.remove(self._folder / server / f"{database.name}.db")
        for suffix in ("", "-wal", "-shm", "-journal"):
            (self._folder / server / f"{database.name}.db{suffix}").unlink(missing_ok=True)

    def substitute(self, uri: str, identities: dict[str, str]) -> Substitute:
        """Return the substitute of a URI. Raise LoginFailed if Azure SQL would reject it."""
        login = parse_uri(uri)
        database = self.authorize(login, identities)
        label = f"Azure SQL database {login.server}/{database.name}"
        if self._sql_server is None:
            path = self._folder / login.server / f"{database.name}.db"
            path.parent.mkdir(parents=True, exist_ok=True)
            self._lengths.add(path, database.name, database.properties["collation"])
            return Substitute(f"sqlite:///{path}", f"{label} is the SQLite file {path}", None, path)
        return self._on_sql_server(self._sql_server, login, database, label)

    def _on_sql_server(self, sql_server: SqlServer, login: Login, database: Resource, label: str) -> Substitute:
        # a database that is deleted and created again is another one
        name = f"{login.server}_{database.name}_{database.properties['databaseId'][:8]}"
        if "login" not in database.private:
            database.private["login"] = {
                "name": f"sandbox_{name}"[:100],
                "password": f"Aa1-{secrets.token_urlsafe(24)}",
            }
            self._store.put(database)
        credentials = database.private["login"]
        job = {
            "host": sql_server.host,
            "port": sql_server.port,
            "user": sql_server.user,
            "password": sql_server.password,
            "database": name,
            "collation": database.properties["collation"],
            "login": credentials["name"],
            "login_password": credentials["password"],
        }
        # identity and encryption are those of the substitute; all other parameters are for the driver, and stay
        options = {key: value for key, value in login.query.items() if key not in _REPLACED}
        query = urlencode({**options, "Encrypt": "yes", "TrustServerCertificate": "yes"})
        user, password = quote(credentials["name"], safe=""), quote(credentials["password"], safe="")
        substitute = (
            f"{login.scheme}://{user}:{password}@{sql_server.host}:{sql_server.port}/{quote(name, safe='')}?{query}"
        )
        return Substitute(
            substitute, f"{label} is the database {name} of the SQL Server {sql_server.host}:{sql_server.port}", job
        )


def set_up(job: dict[str, Any], python: Path) -> None:
    """Create the database and the login of a substitute, with the driver of the app's interpreter. Raise LoginFailed."""
    label = f"The SQL Server {job['host']}:{job['port']} behind the sandbox"
    script = Path(__file__).with_name("sql_server_setup.py")
    command = [str(python), "-I", str(script)]
    try:
        done = subprocess.run(
            command, input=json.dumps(job), capture_output=True, text=True, timeout=SETUP_SECONDS, check=False
        )
    except subprocess.TimeoutExpired as error:
        raise LoginFailed(f"{label} did not answer within {SETUP_SECONDS} s.") from error
    if done.returncode != 0:
        lines = (done.stderr or done.stdout).strip().splitlines() or ["no reason given"]
        raise LoginFailed(f"{label} could not be set up: {lines[-1]}")
