# Copyright (c) 2026, mlops.mlflow_azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Module sql_database_user at the wire: Microsoft's own driver, over TLS, against a server that keeps users and roles."""

from __future__ import annotations

import json
import os
import re
import socket
import subprocess
import sys
import uuid
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import yaml
from ansible_collections.mlops.mlflow_azure.plugins.module_utils._core.auth import Token
from ansible_collections.mlops.mlflow_azure.plugins.module_utils._core.clouds import CLOUDS
from ansible_collections.mlops.mlflow_azure.plugins.module_utils._core.errors import Failure, InvalidOption
from ansible_collections.mlops.mlflow_azure.plugins.module_utils._core.retry import ATTEMPTS
from ansible_collections.mlops.mlflow_azure.plugins.module_utils._sql import session as _sql_session

from tests.support.fake_azure import SUBSCRIPTION, FakeAzure, module, options
from tests.support.tds_peer import Certificate, Fault, Script, new_certificate, peer, until_open

HOST = "127.0.0.1"
TOKEN = "token-of-the-administrator"
APP, OTHER = "11111111-2222-3333-4444-555555555555", "99999999-2222-3333-4444-555555555555"
# The first three parts of a GUID are stored with their last byte first.
APP_SID = "0x11111111222233334444555555555555"
ROLES = ["db_datareader", "db_datawriter", "db_ddladmin", "db_owner", "public"]
LEAST = ["db_datareader", "db_datawriter", "db_ddladmin"]
NAME = "id-mlflow-dev"

PAUSED = Fault(
    40613, 17, "Database 'mlflow' on server 'sql-x' is not currently available.  Please retry the connection later."
)
# Transient errors of Azure SQL, with the texts of its documentation.
PASSING = [
    PAUSED,
    Fault(
        40197, 17, "The service has encountered an error processing your request. Please try again. Error code 4815."
    ),
    Fault(40501, 17, "The service is currently busy. Retry the request after 10 seconds. Incident ID: {1}. Code: 1."),
    Fault(
        49918, 16, "Cannot process request. Not enough resources to process request. Please retry your request later."
    ),
    Fault(
        49919,
        16,
        "Cannot process create or update request. Too many create or update operations in progress for subscription 's'.",
    ),
    Fault(10928, 16, "Resource ID : 1. The session limit for the database is 300 and has been reached."),
    Fault(
        4221,
        16,
        "Login to read-secondary failed due to long wait on 'HADR_DATABASE_WAIT_FOR_TRANSITION_TO_VERSIONING'.",
    ),
    Fault(615, 16, "Could not find database ID 7, name 'mlflow'. The database may be offline."),
]
# Permanent errors, and a word that the message must contain.
REFUSED = [
    (Fault(18456, 14, "Login failed for user '<token-identified principal>'."), "entra_administrator"),
    (
        Fault(
            40615,
            14,
            "Cannot open server 'sql-x' requested by the login. Client with IP address '1.2.3.4' is not allowed to access the server.",
        ),
        "sql_firewall_rule",
    ),
    (
        Fault(47073, 14, "Reason: Connection was denied since Deny Public Network Access is set to Yes."),
        "sql_firewall_rule",
    ),
    (Fault(4060, 11, 'Cannot open database "mlflow" requested by the login. The login failed.'), "database"),
]


@dataclass
class Database:
    """The users after the statements: name to (type, sid, roles)."""

    script: Script
    users: dict[str, tuple[str, str, list[str]]] = field(default_factory=dict)
    applied: int = 0

    def answer(self) -> str:
        self.apply()
        query = next(text for text in reversed(self.script.seen) if "sys.database_principals" in text).splitlines()
        name, sid = query[-2].lower(), str(uuid.UUID(bytes_le=bytes.fromhex(query[-1][2:])))
        users = [
            {
                "name": user,
                "type": kind,
                "sid": owned,
                **({"roles": [{"name": role} for role in roles]} if roles else {}),
            }
            for user, (kind, owned, roles) in self.users.items()
            if user.lower() == name or owned == sid
        ]
        # SQL Server leaves out NULL values, such as the JSON of no rows.
        return json.dumps({**({"users": users} if users else {}), "roles": [{"name": role} for role in ROLES]})

    def apply(self) -> None:
        part = r"\[((?:[^\]]|\]\])*)\]"
        for text in self.script.seen[self.applied :]:
            if made := re.fullmatch(rf"CREATE USER {part} WITH SID = 0x(\w{{32}}), TYPE = ([EX])", text):
                self.users[_name(made[1])] = (made[3], str(uuid.UUID(bytes_le=bytes.fromhex(made[2]))), [])
            elif changed := re.fullmatch(rf"ALTER ROLE {part} (ADD|DROP) MEMBER {part}", text):
                roles = self.users[_name(changed[3])][2]
                roles.append(_name(changed[1])) if changed[2] == "ADD" else roles.remove(_name(changed[1]))
            elif dropped := re.fullmatch(rf"DROP USER {part}", text):
                del self.users[_name(dropped[1])]
        self.applied = len(self.script.seen)

    @property
    def written(self) -> list[str]:
        return [text for text in self.script.seen if text.startswith(("CREATE", "ALTER", "DROP"))]

    @property
    def reads(self) -> int:
        return sum("sys.database_principals" in text for text in self.script.seen)


def _name(quoted: str) -> str:
    return quoted.replace("]]", "]")


class Credential:
    """A credential with a token for every scope, which keeps the requested scopes."""

    def __init__(self) -> None:
        self.scopes: list[str] = []

    def get_token(self, *scopes: str, **_options: Any) -> Token:
        self.scopes += scopes
        return Token(TOKEN, 4102444800)


@dataclass
class Server:
    port: int
    script: Script
    database: Database
    credential: Credential = field(default_factory=Credential)
    azure: FakeAzure = field(default_factory=FakeAzure)

    def run(
        self, check_mode: bool = False, seconds: float = 600, cloud: str = "AzureCloud", **given: Any
    ) -> dict[str, Any]:
        """Return the result of the module. seconds: wait_timeout, of which only pauses use up time."""
        self.azure = FakeAzure(wait_timeout=seconds)
        self.azure.arm.credential = self.credential
        self.azure.arm.connection = type(self.azure.arm.connection)(SUBSCRIPTION, CLOUDS[cloud])
        try:
            user = module("sql_database_user")(self.options(**given), self.azure.arm)
            result: dict[str, Any] = user.execute(check_mode)
        finally:
            self.database.apply()
        assert TOKEN not in json.dumps(result)
        return result

    def options(self, **given: Any) -> dict[str, Any]:
        defaults = {"server": HOST, "port": self.port, "database": "mlflow", "name": NAME}
        if given.get("state") != "absent":
            defaults["sid"] = APP
        return options("sql_database_user", **{**defaults, **given})


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Certificate:
    return new_certificate(tmp_path_factory.mktemp("certificate"))


@pytest.fixture
def server(certificate: Certificate, monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate.certificate))
    script = Script()
    database = Database(script)
    script.answers = {"sys.database_principals": database.answer}
    with peer(script, certificate) as port:
        yield Server(port, script, database)
        assert set(script.tokens) <= {TOKEN}


def user(roles: list[str], name: str = NAME, sid: str = APP, kind: str = "E") -> dict[str, Any]:
    return {"id": f"{HOST}/mlflow/{name}", "name": name, "type": kind, "sid": sid, "roles": roles}


def test_a_new_user_with_its_roles(server: Server) -> None:
    result = server.run(roles=["db_ddladmin", "db_datareader", "db_datawriter", "DB_DataReader"])
    assert server.database.written == [
        f"CREATE USER [{NAME}] WITH SID = {APP_SID}, TYPE = E",
        f"ALTER ROLE [db_datareader] ADD MEMBER [{NAME}]",
        f"ALTER ROLE [db_datawriter] ADD MEMBER [{NAME}]",
        f"ALTER ROLE [db_ddladmin] ADD MEMBER [{NAME}]",
    ]
    assert result == {"changed": True, "sql_database_user": user(LEAST), "diff": {"before": {}, "after": user(LEAST)}}
    assert server.credential.scopes == ["https://database.windows.net/.default"]
    assert server.script.tokens == [TOKEN]


def test_an_unchanged_user_is_one_login_and_one_query(server: Server) -> None:
    server.run(roles=LEAST)
    before = (server.script.login_count, len(server.script.seen), server.database.reads, server.database.written)
    result = server.run(roles=LEAST)
    assert result == {
        "changed": False,
        "sql_database_user": user(LEAST),
        "diff": {"before": user(LEAST), "after": user(LEAST)},
    }
    assert server.script.login_count == before[0] + 1
    assert server.database.reads == before[2] + 1
    assert server.database.written == before[3]
    until_open(server.script, 0)


def test_roles_are_added_and_removed(server: Server) -> None:
    server.database.users = {NAME: ("E", APP, ["db_owner", "db_datareader"])}
    result = server.run(roles=["db_datareader", "db_datawriter"])
    assert server.database.written == [
        f"ALTER ROLE [db_datawriter] ADD MEMBER [{NAME}]",
        f"ALTER ROLE [db_owner] DROP MEMBER [{NAME}]",
    ]
    assert result["diff"]["before"]["roles"] == ["db_datareader", "db_owner"]
    assert result["sql_database_user"] == user(["db_datareader", "db_datawriter"])
    assert not server.run(roles=["db_datareader", "db_datawriter"])["changed"]


def test_roles_are_unchanged_without_the_option(server: Server) -> None:
    server.database.users = {NAME: ("E", APP, ["db_owner"])}
    assert server.run() == {
        "changed": False,
        "sql_database_user": user(["db_owner"]),
        "diff": {"before": user(["db_owner"]), "after": user(["db_owner"])},
    }
    assert server.run(roles=[])["changed"]
    assert server.database.written == [f"ALTER ROLE [db_owner] DROP MEMBER [{NAME}]"]


def test_a_group(server: Server) -> None:
    result = server.run(name="Data Scientists", principal_type="Group", roles=["db_datareader"])
    assert server.database.written[0] == f"CREATE USER [Data Scientists] WITH SID = {APP_SID}, TYPE = X"
    assert result["sql_database_user"] == user(["db_datareader"], "Data Scientists", kind="X")
    assert not server.run(name="data scientists", principal_type="Group", roles=["db_datareader"])["changed"]


def test_an_application_of_the_other_type_is_equal(server: Server) -> None:
    server.database.users = {NAME: ("X", APP, LEAST)}
    assert not server.run(roles=LEAST)["changed"]


def test_a_person(server: Server) -> None:
    server.run(name="jane@example.com", principal_type="User", sid=OTHER.upper())
    assert server.database.users == {"jane@example.com": ("E", OTHER, [])}


def test_several_principals_in_one_database(server: Server) -> None:
    for name, sid in (("one", APP), ("two", OTHER)):
        assert server.run(name=name, sid=sid, roles=["db_datareader"])["changed"]
    assert server.database.users == {"one": ("E", APP, ["db_datareader"]), "two": ("E", OTHER, ["db_datareader"])}
    assert not server.run(name="one", roles=["db_datareader"])["changed"]


def test_absent(server: Server) -> None:
    server.database.users = {NAME: ("E", APP, ["db_owner"])}
    result = server.run(state="absent")
    assert server.database.written == [f"DROP USER [{NAME}]"]
    assert result == {"changed": True, "sql_database_user": {}, "diff": {"before": user(["db_owner"]), "after": {}}}
    assert server.run(state="absent") == {
        "changed": False,
        "sql_database_user": {},
        "diff": {"before": {}, "after": {}},
    }


@pytest.mark.parametrize(
    ("current", "given", "after"),
    [
        ({}, {"roles": LEAST}, user(LEAST)),
        ({NAME: ("E", APP, ["db_owner"])}, {"roles": LEAST}, user(LEAST)),
        ({NAME: ("E", APP, ["db_owner"])}, {"state": "absent"}, {}),
    ],
)
def test_check_mode_returns_the_same_and_writes_nothing(
    server: Server, current: dict[str, Any], given: dict[str, Any], after: dict[str, Any]
) -> None:
    server.database.users = dict(current)
    planned = server.run(check_mode=True, **given)
    assert server.database.written == []
    assert planned["sql_database_user"] == after
    assert server.run(**given) == planned


NASTY = "a]; DROP USER [dbo]; --'\" ł日"


def test_names_are_quoted_in_statements(server: Server) -> None:
    server.run(name=NASTY, roles=["db_datareader"])
    inside = NASTY.replace("]", "]]")
    assert server.database.written == [
        f"CREATE USER [{inside}] WITH SID = {APP_SID}, TYPE = E",
        f"ALTER ROLE [db_datareader] ADD MEMBER [{inside}]",
    ]
    # The name is a parameter of the query.
    statement, _declared, name, sid = next(
        text for text in server.script.seen if "sys.database_principals" in text
    ).splitlines()[-4:]
    assert NASTY not in statement
    assert (name, sid) == (NASTY, APP_SID)
    assert not server.run(name=NASTY, roles=["db_datareader"])["changed"]
    server.run(name=NASTY, state="absent")
    assert server.database.users == {}


def test_a_database_of_any_name_can_be_opened(server: Server) -> None:
    assert (
        server.run(database="ml]};Encrypt=no {x}")["sql_database_user"]["id"] == f"{HOST}/ml]}};Encrypt=no {{x}}/{NAME}"
    )


def test_another_cloud_has_another_token_scope(server: Server) -> None:
    server.run(cloud="AzureChinaCloud")
    assert server.credential.scopes == ["https://database.chinacloudapi.cn/.default"]


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({"server": "sql x"}, "server"),
        ({"server": "sql-x,1433"}, "server"),
        ({"server": "sql-x;UID=sa"}, "server"),
        ({"server": ""}, "server"),
        ({"port": 0}, "port"),
        ({"port": 65536}, "port"),
        ({"database": "a/b"}, "database"),
        ({"name": ""}, "name"),
        ({"name": "x" * 129}, "name"),
        ({"name": "a\nb"}, "name"),
        ({"name": "a "}, "name"),
        ({"sid": "id-mlflow-dev"}, "sid"),
        ({"sid": ""}, "sid"),
        ({"roles": ["db_datareader", ""]}, "roles"),
        ({"roles": ["Public"]}, "roles"),
    ],
)
def test_invalid_options_are_rejected_before_a_login(server: Server, given: dict[str, Any], expected: str) -> None:
    with pytest.raises(InvalidOption) as caught:
        server.run(**given)
    assert caught.value.message.startswith(f"{expected}: ")
    assert not server.script.login_count


@pytest.mark.parametrize("check_mode", [True, False])
@pytest.mark.parametrize(
    ("current", "given", "expected"),
    [
        ({}, {"roles": ["db_datareder"]}, ["roles", "'db_datareder'", "db_datareader, db_datawriter"]),
        ({NAME: ("E", OTHER, [])}, {}, ["sid", OTHER, APP, "state: absent"]),
        ({NAME: ("E", APP, [])}, {"principal_type": "Group"}, ["sid", "(type E)", "(type X)"]),
        ({"app": ("E", APP, [])}, {}, ["name", "the user app already"]),
        ({NAME: ("S", APP, [])}, {}, ["name", "the type S"]),
        ({NAME: ("S", APP, [])}, {"state": "absent"}, ["name", "the type S"]),
    ],
)
def test_impossible_changes_are_rejected_before_a_write(
    server: Server, current: dict[str, Any], given: dict[str, Any], expected: list[str], check_mode: bool
) -> None:
    server.database.users = dict(current)
    with pytest.raises(Failure) as caught:
        server.run(check_mode, **given)
    assert [word for word in expected if word not in caught.value.message] == []
    assert server.database.written == []


@pytest.mark.parametrize("fault", PASSING, ids=lambda fault: str(fault.number))
def test_a_login_with_a_transient_error_is_retried(server: Server, fault: Fault) -> None:
    server.script.logins.extend([fault, fault])
    assert server.run(roles=LEAST)["changed"]
    assert server.script.login_count == 3
    assert server.azure.clock.pauses == [1, 2]
    assert server.database.users == {NAME: ("E", APP, LEAST)}


def test_retries_end_at_the_deadline(server: Server) -> None:
    server.script.logins.extend([PAUSED] * 20)
    with pytest.raises(Failure, match=r"not currently available.*within wait_timeout \(30 s\)") as caught:
        server.run(seconds=30)
    assert server.azure.clock.now == 30
    assert f"{HOST}:{server.port}/mlflow" in caught.value.message
    assert server.script.login_count == 7


def test_without_wait_a_transient_error_is_final(server: Server) -> None:
    server.script.logins.append(PAUSED)
    with pytest.raises(Failure, match="not currently available"):
        server.run(wait=False)
    assert server.script.login_count == 1
    assert server.azure.clock.now == 0


@pytest.mark.parametrize(("fault", "expected"), REFUSED, ids=lambda value: str(getattr(value, "number", "")))
@pytest.mark.parametrize("check_mode", [True, False])
def test_a_refused_login_is_not_retried(server: Server, fault: Fault, expected: str, check_mode: bool) -> None:
    server.script.logins.append(fault)
    with pytest.raises(Failure) as caught:
        server.run(check_mode)
    assert server.script.login_count == 1
    assert fault.message in caught.value.message
    assert expected in caught.value.message.replace(fault.message, "")
    assert server.azure.clock.now == 0


@pytest.mark.parametrize("part", ["sys.database_principals", "CREATE USER", "[db_datareader] ADD", "[db_ddladmin] ADD"])
@pytest.mark.parametrize("fault", [None, Fault(40197, 20, PASSING[1].message)], ids=["dropped", "ended"])
def test_a_lost_connection_is_opened_again(server: Server, part: str, fault: Fault | None) -> None:
    server.script.statements.append((part, fault))
    result = server.run(roles=LEAST)
    assert result["changed"]
    assert result["diff"]["before"] == {}
    assert server.script.login_count == 2
    # A statement of a lost connection may have taken effect: the current state is read again.
    assert server.database.users == {NAME: ("E", APP, LEAST)}


def test_connections_that_are_always_lost_are_given_up(server: Server) -> None:
    server.script.statements.extend([("sys.database_principals", None)] * 10)
    with pytest.raises(Failure, match="0x2746"):
        server.run()
    assert server.script.login_count == ATTEMPTS
    assert server.azure.clock.pauses == [1, 2, 4, 8]


@pytest.mark.parametrize(
    ("part", "fault", "expected"),
    [
        ("CREATE", Fault(15247, 16, "User does not have permission to perform this action."), "ALTER ANY USER"),
        (
            "ALTER ROLE",
            Fault(
                15151,
                16,
                "Cannot alter the role 'db_datareader', because it does not exist or you do not have permission.",
            ),
            "ALTER ANY ROLE",
        ),
        (
            "DROP",
            Fault(15138, 16, "The database principal owns a schema in the database, and cannot be dropped."),
            "ALTER AUTHORIZATION",
        ),
    ],
    ids=lambda value: str(getattr(value, "number", "")),
)
def test_a_refused_statement_has_a_remedy(server: Server, part: str, fault: Fault, expected: str) -> None:
    if part == "DROP":
        server.database.users = {NAME: ("E", APP, [])}
    server.script.statements.append((part, fault))
    with pytest.raises(Failure) as caught:
        server.run(**({"state": "absent"} if part == "DROP" else {"roles": LEAST}))
    assert fault.message in caught.value.message
    assert expected in caught.value.message
    assert server.script.login_count == 1


def test_an_untrusted_certificate_is_rejected(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", os.devnull)
    with pytest.raises(Failure, match=r"certificate verify failed.*SSL_CERT_FILE"):
        server.run()
    assert server.script.tokens == []


def test_a_silent_server_fails_at_the_deadline(server: Server) -> None:
    with socket.create_server((HOST, 0)) as silent, pytest.raises(Failure, match="without HTTPS_PROXY"):
        server.run(port=silent.getsockname()[1], seconds=1)


def test_a_closed_port_is_an_error(server: Server) -> None:
    with socket.create_server((HOST, 0)) as free:
        port = free.getsockname()[1]
    with pytest.raises(Failure, match=rf"{HOST}:{port}/mlflow.*permit this machine to connect to that port"):
        server.run(port=port, seconds=1)


def test_an_unknown_host_is_an_error(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    resolved = []

    def unknown(host: str, port: int, **_options: Any) -> Any:
        resolved.append((host, port))
        raise socket.gaierror(-2, "Name or service not known")

    monkeypatch.setattr(_sql_session.socket, "getaddrinfo", unknown)
    with pytest.raises(Failure, match=r"sql-x\.database\.windows\.net has no address here"):
        server.run(server="sql-x")
    # Check mode may run before there is a server.
    planned = server.run(check_mode=True, server="sql-x", roles=LEAST)
    assert planned["changed"]
    assert planned["sql_database_user"]["roles"] == LEAST
    assert not server.run(check_mode=True, server="sql-x", state="absent")["changed"]
    assert resolved == [("sql-x.database.windows.net", server.port)] * 3
    assert server.credential.scopes == []


def test_without_the_driver_the_error_names_the_install_command(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "mssql_python", None)
    with pytest.raises(Failure) as caught:
        server.run()
    assert "mssql-python" in caught.value.message
    assert f"{sys.executable} -m pip install 'mssql-python>=1.16,<2'" in caught.value.message


PLAY = """
- hosts: localhost
  gather_facts: false
  module_defaults:
    group/mlops.mlflow_azure.azure:
      subscription_id: {subscription}
      auth_source: cli
  tasks: {tasks}
"""
# A fake of the Azure CLI, from which azure-identity requests a token.
AZ = f"""#!/bin/sh
case "$*" in
  *database.windows.net*) echo '{{"accessToken": "{TOKEN}", "expires_on": 4102444800, "tokenType": "Bearer"}}' ;;
  *) echo "unexpected token request: $*" >&2; exit 1 ;;
esac
"""


def ansible(folder: Path, tasks: list[dict[str, Any]], interpreter: str, **variables: str) -> tuple[list[Any], str]:
    """Return the results of the tasks, and the output of ansible-playbook -vvv."""
    (folder / "bin").mkdir()
    (folder / "bin" / "az").write_text(AZ)
    (folder / "bin" / "az").chmod(0o755)
    (folder / "ansible.cfg").touch()
    registered = [{**task, "register": f"r{place}"} for place, task in enumerate(tasks)]
    kept = "{{ [" + ", ".join(f"r{place}" for place in range(len(tasks))) + "] | to_json }}"
    keep = {"ansible.builtin.copy": {"content": kept, "dest": str(folder / "results.json"), "mode": "0600"}}
    (folder / "play.yml").write_text(PLAY.format(subscription=SUBSCRIPTION, tasks=json.dumps([*registered, keep])))
    environment = {
        "ANSIBLE_COLLECTIONS_PATH": str(Path(__file__).resolve().parents[3] / ".ansible" / "collections"),
        "ANSIBLE_CONFIG": str(folder / "ansible.cfg"),
        "ANSIBLE_HOME": str(folder / "home"),
        "HOME": str(folder),
        "LANG": "C.UTF-8",
        "PATH": f"{folder / 'bin'}:{os.environ['PATH']}",
        **variables,
    }
    done = subprocess.run(
        [
            sys.executable,
            "-m",
            "ansible",
            "playbook",
            "-vvv",
            "--diff",
            "play.yml",
            "-e",
            f"ansible_python_interpreter={interpreter}",
        ],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    return json.loads((folder / "results.json").read_text()), done.stdout + done.stderr


@pytest.mark.parametrize("own_process", [False, True], ids=["within Ansible", "in a process of its own"])
def test_the_examples_are_idempotent(server: Server, tmp_path: Path, own_process: bool) -> None:
    """Run ansible-playbook with the credential of the Azure CLI. The token is in no output."""
    examples = yaml.safe_load(_module_file().EXAMPLES)
    name = "mlops.mlflow_azure.sql_database_user"
    here = [{**task, name: {**task[name], "server": HOST, "port": server.port}} for task in examples]
    interpreter = (
        "{{ ansible_playbook_python }}"
        if not own_process
        else f"{Path(sys.executable).parent}/./{Path(sys.executable).name}"
    )
    results, output = ansible(
        tmp_path, [task for task in here for _time in range(2)], interpreter, SSL_CERT_FILE=os.environ["SSL_CERT_FILE"]
    )
    assert [result["changed"] for result in results] == [True, False] * len(examples)
    server.database.apply()
    assert server.database.users == {"id-mlflow": ("E", "00000000-0000-0000-0000-000000000001", LEAST)}
    assert TOKEN not in output
    assert TOKEN not in json.dumps(results)
    assert server.script.tokens == [TOKEN] * len(results)
    assert ("AnsiballZ_sql_database_user" in output) is own_process


def _module_file() -> Any:
    from importlib import import_module

    return import_module("ansible_collections.mlops.mlflow_azure.plugins.modules.sql_database_user")
