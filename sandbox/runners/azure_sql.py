# Copyright (c) 2026, mlops.mlflow_azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Azure SQL for apps that run here: checks a `mssql+…://` URI as Azure SQL would at login, and gives a substitute's URI.

Port 1433 does not pass an HTTPS proxy, so the app is started with another URI than the one in its settings: of a SQLite
file, or of a database on the SQL Server that the sandbox was started with. Resource Manager keeps showing what was sent.
"""

from __future__ import annotations

import ipaddress
import json
import re
import secrets
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, quote, unquote, urlencode, urlsplit

from sandbox.providers.sql.server import password_matches
from sandbox.store import Resource, Store

SUFFIX = ".database.windows.net"
SERVERS = "microsoft.sql/servers"
DATABASES = "microsoft.sql/servers/databases"
RULES = "microsoft.sql/servers/firewallrules"
_URI = re.compile(r"mssql(?:\+\w+)?://[^\s\"']+", re.IGNORECASE)
SETUP_SECONDS = 120
_REPLACED = ("authentication", "uid", "pwd", "encrypt", "trustservercertificate")


class LoginRefused(Exception):
    """Azure SQL's own words for why it does not let a client in."""


@dataclass(frozen=True)
class SqlServer:
    """A real SQL Server that stands behind the Azure SQL databases, and a login that may create databases there."""

    host: str
    port: int
    user: str
    password: str


@dataclass(frozen=True)
class Login:
    """What a URI asks for."""

    scheme: str
    server: str
    database: str
    user: str
    password: str
    query: dict[str, str]

    @property
    def managed_identity(self) -> bool:
        return self.query.get("authentication", "").lower() in (
            "activedirectorymsi",
            "activedirectorymanagedidentity",
            "activedirectorydefault",
        )


def azure_sql_uris(value: str) -> list[str]:
    """The URIs of Azure SQL databases in a setting or an argument."""
    return [uri for uri in _URI.findall(value) if (urlsplit(uri).hostname or "").lower().endswith(SUFFIX)]


def parse_uri(uri: str) -> Login:
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
    """The URI that a process is started with, what its log is told, what has to be set up before (see `set_up`), and the SQLite file, if any."""

    uri: str
    said: str
    job: dict[str, Any] | None
    file: Path | None = None


class AzureSql:
    """The SQL servers of the sandbox, as apps log in to them."""

    def __init__(self, store: Store, folder: Path, sql_server: SqlServer | None) -> None:
        self._store = store
        self._folder = folder
        self._sql_server = sql_server

    def authorize(self, login: Login, identities: dict[str, str]) -> Resource:
        """The database that a login opens. `identities` are the app's own: client id to object id. Raises LoginRefused."""
        server = self._store.named(SERVERS, login.server)
        if server is None or server.state == "Deleting":
            raise LoginRefused(
                f"Cannot open server '{login.server}' requested by the login. The server was not found. (40532)"
            )
        self._check_firewall(server)
        self._check_identity(server, login, identities)
        database = self._store.get(f"{server.id}/databases/{login.database}")
        if database is None or database.state not in ("Succeeded", "Updating"):
            raise LoginRefused(
                f'Cannot open database "{login.database}" requested by the login. The login failed. (4060)'
            )
        return database

    def _check_firewall(self, server: Resource) -> None:
        """An app without a virtual network comes from Azure's own addresses, which the rule 0.0.0.0-0.0.0.0 lets in."""
        address = ipaddress.IPv4Address("20.50.2.1")
        if server.properties["publicNetworkAccess"] == "Disabled":
            raise LoginRefused(
                "Reason: An instance-specific error occurred while establishing a connection to SQL Server. "
                f"Connection was denied since Deny Public Network Access is set to Yes on server '{server.name}'. (47073)"
            )
        for rule in self._store.below(server.id, RULES):
            start, end = rule.properties["startIpAddress"], rule.properties["endIpAddress"]
            if start == end == "0.0.0.0" or ipaddress.IPv4Address(start) <= address <= ipaddress.IPv4Address(end):
                return
        raise LoginRefused(
            f"Cannot open server '{server.name}' requested by the login. Client with IP address '{address}' is not allowed to access the "
            "server. To enable access, use the Azure Management Portal or run sp_set_firewall_rule on the master database to create a "
            "firewall rule for this IP address or address range. It may take up to five minutes for this change to take effect. (40615)"
        )

    def _check_identity(self, server: Resource, login: Login, identities: dict[str, str]) -> None:
        entra = server.properties.get("administrators") or {}
        if login.managed_identity:
            client = (login.query.get("uid") or login.user).lower()
            chosen = client if client else (next(iter(identities)) if len(identities) == 1 else "")
            if chosen not in identities:
                raise LoginRefused(
                    f"Login failed: the managed identity '{client}' is not assigned to this app. (FA004)"
                )
            # Azure SQL knows applications by client id, users and groups by object id
            known = chosen if entra.get("principalType") == "Application" else identities[chosen].lower()
            if str(entra.get("sid", "")).lower() != known:
                raise LoginRefused("Login failed for user '<token-identified principal>'. (18456)")
            return
        if entra.get("azureADOnlyAuthentication"):
            raise LoginRefused(
                f"Login failed for user '{login.user}'. Reason: Azure Active Directory only authentication is enabled. (18456)"
            )
        same = login.user.lower().partition("@")[0] == server.properties["administratorLogin"].lower()
        if not same or not password_matches(server, login.password):
            raise LoginRefused(f"Login failed for user '{login.user}'. (18456)")

    def forget(self, database: Resource) -> None:
        """Removes what a database held, when it is deleted. A database on a SQL Server stays, and is not used again."""
        server = database.id.lower().partition("/servers/")[2].partition("/")[0]
        for suffix in ("", "-wal", "-shm", "-journal"):
            (self._folder / server / f"{database.name}.db{suffix}").unlink(missing_ok=True)

    def substitute(self, uri: str, identities: dict[str, str]) -> Substitute:
        """What an app is started with instead of a URI that Azure SQL would accept. Raises LoginRefused."""
        login = parse_uri(uri)
        database = self.authorize(login, identities)
        what = f"Azure SQL database {login.server}/{database.name}"
        if self._sql_server is None:
            path = self._folder / login.server / f"{database.name}.db"
            path.parent.mkdir(parents=True, exist_ok=True)
            return Substitute(f"sqlite:///{path}", f"{what} is the SQLite file {path}", None, path)
        return self._on_sql_server(self._sql_server, login, database, what)

    def _on_sql_server(self, real: SqlServer, login: Login, database: Resource, what: str) -> Substitute:
        # a database that is deleted and made again is another one
        name = f"{login.server}_{database.name}_{database.properties['databaseId'][:8]}"
        if "login" not in database.private:
            database.private["login"] = {
                "name": f"sandbox_{name}"[:100],
                "password": f"Aa1-{secrets.token_urlsafe(24)}",
            }
            self._store.put(database)
        own = database.private["login"]
        job = {
            "host": real.host,
            "port": real.port,
            "user": real.user,
            "password": real.password,
            "database": name,
            "collation": database.properties["collation"],
            "login": own["name"],
            "login_password": own["password"],
        }
        # identity and trust are those of the substitute; everything else is the driver's, and stays
        kept = {key: value for key, value in login.query.items() if key not in _REPLACED}
        query = urlencode({**kept, "Encrypt": "yes", "TrustServerCertificate": "yes"})
        user, password = quote(own["name"], safe=""), quote(own["password"], safe="")
        substitute = f"{login.scheme}://{user}:{password}@{real.host}:{real.port}/{quote(name, safe='')}?{query}"
        return Substitute(substitute, f"{what} is the database {name} of the SQL Server {real.host}:{real.port}", job)


def set_up(job: dict[str, Any], python: Path) -> None:
    """Makes the database and the login of a substitute, with the driver that the app's own interpreter has. Raises LoginRefused."""
    where = f"The SQL Server {job['host']}:{job['port']} behind the sandbox"
    script = Path(__file__).with_name("sql_server_setup.py")
    command = [str(python), "-I", str(script)]
    try:
        done = subprocess.run(
            command, input=json.dumps(job), capture_output=True, text=True, timeout=SETUP_SECONDS, check=False
        )
    except subprocess.TimeoutExpired as error:
        raise LoginRefused(f"{where} did not answer within {SETUP_SECONDS} s.") from error
    if done.returncode != 0:
        lines = (done.stderr or done.stdout).strip().splitlines() or ["no reason given"]
        raise LoginRefused(f"{where} could not be set up: {lines[-1]}")
