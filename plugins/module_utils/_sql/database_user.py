# Copyright (c) 2026, mlops.mlflow_azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Contained users of a database for principals of Microsoft Entra ID: what module sql_database_user does with one.

A user is made from the principal's id (WITH SID), which Azure SQL takes as it is. By name alone (FROM EXTERNAL PROVIDER) the
server would look the principal up with an identity of its own, which needs a role in the directory.

Sources: https://learn.microsoft.com/sql/t-sql/statements/create-user-transact-sql,
https://learn.microsoft.com/fabric/database/sql/authentication (SID and TYPE),
https://learn.microsoft.com/sql/relational-databases/system-catalog-views/sys-database-principals-transact-sql
"""

from __future__ import annotations

import json
import re
import uuid
from typing import Any, NamedTuple

from .._core import names as _names
from .._core.arm import Arm, Json
from .._core.errors import Failure, InvalidOption
from .._core.resource import Params
from .session import Session, UnknownHost, load_driver, opened, patiently, quoted

# The type that a new user is given, and those that a standing one may have: X is documented for applications, too.
_TYPES = {"Application": ("E", "EX"), "Group": ("X", "X"), "User": ("E", "E")}
_HOST = re.compile(r"(?=.{1,253}$)[A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?(\.[A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?)*")
# Users of the name or the principal, and the roles that there are. The id of a user that is based on a login is longer.
_READ = """SELECT (SELECT
(SELECT u.name, u.type, LOWER(CONVERT(char(36), CONVERT(uniqueidentifier, CONVERT(binary(16), u.sid)))) AS sid,
(SELECT r.name FROM sys.database_role_members AS m JOIN sys.database_principals AS r ON r.principal_id = m.role_principal_id
WHERE m.member_principal_id = u.principal_id FOR JSON PATH) AS roles
FROM sys.database_principals AS u
WHERE u.type <> 'R' AND (u.name = ? OR u.type IN ('E', 'X') AND CONVERT(binary(16), u.sid) = ?) FOR JSON PATH) AS users,
(SELECT name FROM sys.database_principals WHERE type = 'R' FOR JSON PATH) AS roles
FOR JSON PATH, WITHOUT_ARRAY_WRAPPER)"""


class _Found(NamedTuple):
    """user: of the name, as in the result; {} when there is none. others: users of the principal under another name.

    roles: those of the database, by their names in lower case.
    """

    user: Json
    others: list[str]
    roles: dict[str, str]


def check(params: Params) -> None:
    """Raises InvalidOption."""
    if not _HOST.fullmatch(params["server"]):
        raise InvalidOption("server", params["server"], "give the name of the server, or its whole host name.")
    if not 1 <= params["port"] <= 65535:
        raise InvalidOption("port", params["port"], "a port is a number from 1 to 65535.")
    _names.check("database", params["database"], _names.SQL_DATABASE)
    _names.check("name", params["name"], _names.SQL_DATABASE_USER)
    if params["state"] == "present" and _guid(params["sid"]) is None:
        raise InvalidOption("sid", params["sid"], "it is a GUID, as 00000000-0000-0000-0000-000000000000.")
    for role in params["roles"] or []:
        _names.check("roles", role, _names.SQL_DATABASE_USER)
        if role.lower() == "public":
            raise InvalidOption(
                "roles", role, "every user is in it, and cannot be put into it or taken out: leave it out."
            )


def _guid(text: str | None) -> uuid.UUID | None:
    try:
        return uuid.UUID(text or "")
    except ValueError:
        return None


def execute(params: Params, arm: Arm, check_mode: bool) -> dict[str, Any]:
    """Returns C(changed), C(sql_database_user) ({} when absent) and C(diff). Raises Failure, InvalidOption."""
    check(params)
    load_driver()
    server = params["server"]
    host = server if "." in server else f"{server}.{arm.connection.cloud.sql_suffix}"
    # What stood at each attempt: after an error that passes, what is done already need not be done again.
    stood: list[Json] = []

    def attempt() -> Json:
        with opened(arm, host, params["port"], params["database"]) as session:
            found = _find(session, params, host)
            stood.append(found.user)
            after = _after(params, found, host)
            if not check_mode:
                for statement in _statements(found.user, after):
                    session.run(statement)
            return after

    try:
        after = patiently(arm.deadline, params["wait"], attempt)
    except UnknownHost:
        # A plan may be made before there is a server.
        if not check_mode:
            raise
        roles = {role.lower(): role for role in params["roles"] or []}
        stood, after = [{}], _after(params, _Found({}, [], roles), host)
    return {
        "changed": stood[0] != after,
        "sql_database_user": after,
        "diff": {"before": stood[0], "after": after},
    }


def _find(session: Session, params: Params, host: str) -> _Found:
    name = params["name"]
    # A principal that is not asked for has an id that none has.
    sid = _guid(params["sid"]) or uuid.UUID(int=0)
    found = json.loads(session.value(_READ, name, sid.bytes_le) or "{}")
    known = [_user(entry, params["database"], host) for entry in found.get("users") or []]
    same = [user for user in known if user["name"].lower() == name.lower()]
    others = [user["name"] for user in known if user not in same and user["sid"] == str(sid)]
    roles = {role["name"].lower(): role["name"] for role in found.get("roles") or []}
    return _Found(same[0] if same else {}, others, roles)


def _user(entry: Json, database: str, host: str) -> Json:
    return {
        "id": f"{host}/{database}/{entry['name']}",
        "name": entry["name"],
        "type": entry["type"],
        "sid": entry.get("sid"),
        "roles": sorted(role["name"] for role in entry.get("roles") or []),
    }


def _after(params: Params, found: _Found, host: str) -> Json:
    """What there is when all is done. Raises Failure where that cannot be."""
    user = found.user
    if user and user["type"] not in ("E", "X"):
        raise Failure(
            f"name: {user['name']} is a user of the type {user['type']}, and those of Microsoft Entra ID are E and X. Choose another name.",
            option="name",
        )
    if params["state"] == "absent":
        return {}
    sid, (kind, fitting) = str(_guid(params["sid"])), _TYPES[params["principal_type"]]
    if user and (user["sid"] != sid or user["type"] not in fitting):
        raise Failure(
            f"sid: the user {user['name']} is {user['sid']} (type {user['type']}) and cannot become {sid} (type {kind}). It may be left over "
            "from a principal of the same name that is gone: remove it with state: absent, or choose another name.",
            option="sid",
        )
    if not user and found.others:
        raise Failure(
            f"name: {sid} is in the database as the user {found.others[0]} already. Give that name, or remove it with state: absent.",
            option="name",
        )
    return {
        **(user or _user({"name": params["name"], "type": kind, "sid": sid}, params["database"], host)),
        **_roles(params, found),
    }


def _roles(params: Params, found: _Found) -> Json:
    if params["roles"] is None:
        return {}
    for role in params["roles"]:
        if role.lower() not in found.roles:
            there = ", ".join(sorted(found.roles.values()))
            raise InvalidOption("roles", role, f"the database has no such role. There are {there}.")
    return {"roles": sorted({found.roles[role.lower()] for role in params["roles"]})}


def _statements(before: Json, after: Json) -> list[str]:
    """T-SQL that brings about what is to be, in its order."""
    if not after:
        return [f"DROP USER {quoted(before['name'])}"] if before else []
    user = quoted(after["name"])
    had, has = before.get("roles") or [], after["roles"]
    made = []
    if not before:
        sid = uuid.UUID(after["sid"]).bytes_le.hex().upper()
        made.append(f"CREATE USER {user} WITH SID = 0x{sid}, TYPE = {after['type']}")
    made += [f"ALTER ROLE {quoted(role)} ADD MEMBER {user}" for role in has if role not in had]
    return made + [f"ALTER ROLE {quoted(role)} DROP MEMBER {user}" for role in had if role not in has]
