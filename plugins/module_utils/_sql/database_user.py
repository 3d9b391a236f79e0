# Copyright (c) 2026, mlops.mlflow_azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Contained users of a database for principals of Microsoft Entra ID.

A user is created from the principal's id (WITH SID), which Azure SQL does not verify. By name alone (FROM EXTERNAL PROVIDER)
the server would look the principal up with its own identity, which needs a role in the directory.

Sources: https://learn.microsoft.com/sql/t-sql/statements/create-user-transact-sql,
https://learn.microsoft.com/fabric/database/sql/authentication (SID and TYPE),
https://learn.microsoft.com/sql/relational-databases/system-catalog-views/sys-database-principals-transact-sql
"""

from __future__ import annotations

import json
import re
import uuid
from typing import Any, NamedTuple

from .._core import names
from .._core.arguments import STATE, wait_options
from .._core.arm import Json
from .._core.errors import Failure, InvalidOption
from .._core.module import AzureModule
from .session import Session, UnknownHost, load_driver, open_session, quote_name, retry_transient

# The type of a new user, and the types that an existing one may have: X is documented for applications, too.
_TYPES = {"Application": ("E", "EX"), "Group": ("X", "X"), "User": ("E", "E")}
_HOST = re.compile(r"(?=.{1,253}$)[A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?(\.[A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?)*")
# Users with the name or the principal, and the roles of the database. The id of a user that is based on a login is longer.
_READ = """SELECT (SELECT
(SELECT u.name, u.type, LOWER(CONVERT(char(36), CONVERT(uniqueidentifier, CONVERT(binary(16), u.sid)))) AS sid,
(SELECT r.name FROM sys.database_role_members AS m JOIN sys.database_principals AS r ON r.principal_id = m.role_principal_id
WHERE m.member_principal_id = u.principal_id FOR JSON PATH) AS roles
FROM sys.database_principals AS u
WHERE u.type <> 'R' AND (u.name = ? OR u.type IN ('E', 'X') AND CONVERT(binary(16), u.sid) = ?) FOR JSON PATH) AS users,
(SELECT name FROM sys.database_principals WHERE type = 'R' FOR JSON PATH) AS roles
FOR JSON PATH, WITHOUT_ARRAY_WRAPPER)"""


class _Current(NamedTuple):
    """The current state of the database.

    user: the one with the name, as in the result; {} when absent. others: users of the principal with another name.
    roles: those of the database, by their names in lower case.
    """

    user: Json
    others: list[str]
    roles: dict[str, str]


class SqlDatabaseUser(AzureModule):
    """A user in a database, for a principal of Microsoft Entra ID."""

    # The driver is imported by execute: a playbook without such a task does not need it.
    packages = {}
    options = {
        "server": {"type": "str", "required": True},
        "port": {"type": "int", "default": 1433},
        "database": {"type": "str", "required": True},
        "name": {"type": "str", "required": True},
        "sid": {"type": "str"},
        "principal_type": {"type": "str", "choices": ["Application", "Group", "User"], "default": "Application"},
        "roles": {"type": "list", "elements": "str"},
        **STATE,
        **wait_options(300),
    }
    constraints = {"required_if": [("state", "present", ("sid",))]}

    def validate(self) -> None:
        """Raise InvalidOption for the first option that cannot be valid, before any connection."""
        params = self.params
        if not _HOST.fullmatch(params["server"]):
            raise InvalidOption("server", params["server"], "give the name of the server, or its whole host name.")
        if not 1 <= params["port"] <= 65535:
            raise InvalidOption("port", params["port"], "a port is a number from 1 to 65535.")
        names.check("database", params["database"], names.SQL_DATABASE)
        names.check("name", params["name"], names.SQL_DATABASE_USER)
        if params["state"] == "present" and _guid(params["sid"]) is None:
            raise InvalidOption("sid", params["sid"], "it is a GUID, as 00000000-0000-0000-0000-000000000000.")
        for role in params["roles"] or []:
            names.check("roles", role, names.SQL_DATABASE_USER)
            if role.lower() == "public":
                rule = "every user is in it, and cannot be put into it or taken out: leave it out."
                raise InvalidOption("roles", role, rule)

    def execute(self, check_mode: bool) -> dict[str, Any]:
        """Return C(changed), C(sql_database_user) ({} when absent) and C(diff). Raise Failure and InvalidOption."""
        self.validate()
        load_driver()
        # The state before each attempt: an attempt after a transient error need not repeat what is done already.
        before: list[Json] = []

        def attempt() -> Json:
            with open_session(self.arm, self._host, self.params["port"], self.params["database"]) as session:
                current = self._read(session)
                before.append(current.user)
                after = self._desired(current)
                if not check_mode:
                    for statement in _statements(current.user, after):
                        session.run(statement)
                return after

        try:
            after = retry_transient(self.arm.deadline, self.params["wait"], attempt)
        except UnknownHost:
            # Check mode may run before there is a server.
            if not check_mode:
                raise
            roles = {role.lower(): role for role in self.params["roles"] or []}
            before, after = [{}], self._desired(_Current({}, [], roles))
        return {
            "changed": before[0] != after,
            "sql_database_user": after,
            "diff": {"before": before[0], "after": after},
        }

    @property
    def _host(self) -> str:
        server = str(self.params["server"])
        return server if "." in server else f"{server}.{self.arm.connection.cloud.sql_suffix}"

    def _read(self, session: Session) -> _Current:
        name = self.params["name"]
        # No user has this id: without a principal the query selects by the name alone.
        sid = _guid(self.params["sid"]) or uuid.UUID(int=0)
        rows = json.loads(session.value(_READ, name, sid.bytes_le) or "{}")
        users = [self._user(row) for row in rows.get("users") or []]
        same = [user for user in users if user["name"].lower() == name.lower()]
        others = [user["name"] for user in users if user not in same and user["sid"] == str(sid)]
        roles = {role["name"].lower(): role["name"] for role in rows.get("roles") or []}
        return _Current(same[0] if same else {}, others, roles)

    def _user(self, row: Json) -> Json:
        return {
            "id": f"{self._host}/{self.params['database']}/{row['name']}",
            "name": row["name"],
            "type": row["type"],
            "sid": row.get("sid"),
            "roles": sorted(role["name"] for role in row.get("roles") or []),
        }

    def _desired(self, current: _Current) -> Json:
        """Return the user after the task. Raise Failure where that is impossible."""
        user, params = current.user, self.params
        if user and user["type"] not in ("E", "X"):
            raise Failure(
                f"name: {user['name']} is a user of the type {user['type']}, and those of Microsoft Entra ID are E and X. "
                "Choose another name.",
                option="name",
            )
        if params["state"] == "absent":
            return {}
        sid, (kind, allowed) = str(_guid(params["sid"])), _TYPES[params["principal_type"]]
        if user and (user["sid"] != sid or user["type"] not in allowed):
            raise Failure(
                f"sid: the user {user['name']} is {user['sid']} (type {user['type']}) and cannot become {sid} (type {kind}). "
                "It may be left over from a principal of the same name that is gone: remove it with state: absent, or choose "
                "another name.",
                option="sid",
            )
        if not user and current.others:
            raise Failure(
                f"name: {sid} is in the database as the user {current.others[0]} already. Give that name, or remove it with "
                "state: absent.",
                option="name",
            )
        new = {"name": params["name"], "type": kind, "sid": sid}
        return {**(user or self._user(new)), **self._roles(current)}

    def _roles(self, current: _Current) -> Json:
        roles = self.params["roles"]
        if roles is None:
            return {}
        for role in roles:
            if role.lower() not in current.roles:
                existing = ", ".join(sorted(current.roles.values()))
                raise InvalidOption("roles", role, f"the database has no such role. There are {existing}.")
        return {"roles": sorted({current.roles[role.lower()] for role in roles})}


def _guid(text: str | None) -> uuid.UUID | None:
    try:
        return uuid.UUID(text or "")
    except ValueError:
        return None


def _statements(before: Json, after: Json) -> list[str]:
    """Return the T-SQL statements that change the user, in their order."""
    if not after:
        return [f"DROP USER {quote_name(before['name'])}"] if before else []
    user = quote_name(after["name"])
    old, new = before.get("roles") or [], after["roles"]
    statements = []
    if not before:
        sid = uuid.UUID(after["sid"]).bytes_le.hex().upper()
        statements.append(f"CREATE USER {user} WITH SID = 0x{sid}, TYPE = {after['type']}")
    statements += [f"ALTER ROLE {quote_name(role)} ADD MEMBER {user}" for role in new if role not in old]
    return statements + [f"ALTER ROLE {quote_name(role)} DROP MEMBER {user}" for role in old if role not in new]
