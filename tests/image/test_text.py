# Copyright (c) 2026, mlops.mlflow_azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Text outside ASCII: the bytes that reach the server, their types, and the collation of filters."""

from __future__ import annotations

import json
import os
import re
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

from tests.support.image_server import bare
from tests.support.tds_peer import UTF8_COLLATION, Parameter, Script, peer

SERVER = "127.0.0.1:{port}/mlflow"
DRIVERS = {
    "mssql-python": "mssql+mssqlpython://{login}@{place}?Encrypt={encrypt}&TrustServerCertificate=yes",
    "pyodbc": "mssql+pyodbc://{login}@{place}?driver=ODBC+Driver+18+for+SQL+Server&Encrypt={encrypt}"
    "&TrustServerCertificate=yes&LongAsMax=Yes",
    "pyodbc without LongAsMax": "mssql+pyodbc://{login}@{place}?driver=ODBC+Driver+18+for+SQL+Server&Encrypt={encrypt}"
    "&TrustServerCertificate=yes",
}
PLUGIN = "&plugin=azure_sql&azure_sql_wait=0"
LENGTHS = (600, 700, 1000, 2666, 6000)
# By the number of bytes of a character in UTF-8.
CHARACTERS = {1: "a", 2: "Ж", 3: "漢", 4: "😀"}
TEXTS = {f"{size} bytes, {length}": character * length for size, character in CHARACTERS.items() for length in LENGTHS}
# The collation that MLflow names, and the one that the plugin replaces it with.
JAPANESE = "Japanese_Bushu_Kakusu_100_CS_AS_KS_WS"
UTF8 = "Latin1_General_100_CS_AS_KS_WS_SC_UTF8"
COMPARATORS = ("=", "!=", "LIKE", "ILIKE", "IN", "NOT IN")


@dataclass(frozen=True)
class Program:
    """The running text_to_azure_sql.py. script: that of its peer."""

    script: Script
    process: subprocess.Popen[str]

    def ask(self, **request: Any) -> dict[str, Any]:
        assert self.process.stdin
        assert self.process.stdout
        self.script.procedures.clear()
        self.process.stdin.write(json.dumps(request) + "\n")
        self.process.stdin.flush()
        answer: dict[str, Any] = json.loads(self.process.stdout.readline())
        return answer

    def arrived(self, **request: Any) -> list[Parameter]:
        """Return the parameters of a request that succeeds."""
        answer = self.ask(**request)
        assert answer["error"] is None
        return [parameter for called in self.script.procedures for parameter in called.parameters]


@contextmanager
def program(server_bin: Path, script: Script, uri: str) -> Iterator[Program]:
    command = [str(server_bin / "python"), str(Path(__file__).with_name("text_to_azure_sql.py")), uri]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, env=bare(), stdin=pipe, stdout=pipe, text=True) as process:
        try:
            yield Program(script, process)
        finally:
            process.kill()


@contextmanager
def at_peer(server_bin: Path, driver: str, options: str) -> Iterator[Program]:
    script = Script(collation=UTF8_COLLATION)
    with peer(script) as port:
        place = SERVER.format(port=port)
        uri = DRIVERS[driver].format(login="me:SECRET", place=place, encrypt="no") + options
        with program(server_bin, script, uri) as started:
            yield started


@pytest.fixture(scope="module", params=DRIVERS)
def client(request: pytest.FixtureRequest, server_bin: Path) -> Iterator[Program]:
    with at_peer(server_bin, request.param, PLUGIN) as started:
        yield started


@pytest.mark.parametrize("case", TEXTS)
def test_text_arrives_whole(client: Program, case: str, report_count: Callable[[str], None]) -> None:
    """Text outside ASCII is nvarchar, and ASCII stays varchar, so that a comparison with it can use an index."""
    value = TEXTS[case]
    arrived = client.arrived(insert=[value])
    report_count(f"text of {case} characters: {arrived[0].type}")
    assert [parameter.text() for parameter in arrived] == [value, value]
    assert {parameter.type for parameter in arrived} == {"varchar" if value.isascii() else "nvarchar"}


@pytest.mark.parametrize("size", CHARACTERS)
def test_text_arrives_whole_in_several_rows(client: Program, size: int) -> None:
    """One row that is not ASCII decides the type of all rows, wherever it is."""
    values = ["short", CHARACTERS[size] * 700, "", CHARACTERS[size] * 6000, "é", "last"]
    arrived = client.arrived(insert=values)
    assert [parameter.text() for parameter in arrived] == [value for value in values for _column in range(2)]


@pytest.mark.parametrize("comparator", COMPARATORS)
def test_a_filter_compares_with_a_utf8_collation(client: Program, comparator: str) -> None:
    """COLLATE converts a varchar column to the code page of the collation, and that of MLflow's collation is Japanese."""
    for value in ("naïve café", "مرحبا", "漢字", "😀", "ascii"):
        arrived = client.arrived(filter=[comparator, value])
        statements = [called.statement for called in client.script.procedures if "SELECT" in called.statement]
        assert len(statements) == 6
        assert all(f"COLLATE {UTF8}" in statement for statement in statements)
        assert JAPANESE not in "".join(statements)
        sent = [parameter for parameter in arrived if parameter.text() == value]
        assert {parameter.type for parameter in sent} == {"varchar" if value.isascii() else "nvarchar"}
        assert len(sent) == 6


def test_pyodbc_writes_wrong_bytes_without_the_plugin(server_bin: Path) -> None:
    """When this fails, a release of the driver is right, and the plugin need not change the types."""
    with at_peer(server_bin, "pyodbc", "") as client:
        arrived = client.arrived(insert=["漢" * 700])
        assert [parameter.type for parameter in arrived] == ["varchar", "varchar"]
        assert all(parameter.text() != "漢" * 700 for parameter in arrived)


def test_mlflow_compares_with_a_japanese_collation_without_the_plugin(server_bin: Path) -> None:
    """When this fails, MLflow names another collation, and the plugin must replace that one."""
    with at_peer(server_bin, "mssql-python", "") as client:
        client.arrived(filter=["=", "é"])
        assert all(JAPANESE in called.statement for called in client.script.procedures if "SELECT" in called.statement)


@pytest.mark.parametrize("option", ["fast_executemany=true", "Fast_ExecuteMany=1"])
def test_the_plugin_rejects_fast_executemany(server_bin: Path, option: str) -> None:
    uri = DRIVERS["pyodbc"].format(login="me:SECRET", place="127.0.0.1:9/mlflow", encrypt="no") + PLUGIN + f"&{option}"
    command = [str(server_bin / "python"), str(Path(__file__).with_name("text_to_azure_sql.py")), uri]
    ended = subprocess.run(command, env=bare(), input="", capture_output=True, text=True, timeout=120, check=False)
    assert ended.returncode == 1
    assert "fast_executemany is not allowed" in ended.stderr


def test_text_is_stored_and_found_on_a_server(server_bin: Path, report_count: Callable[[str], None]) -> None:
    """SANDBOX_SQL_SERVER is the address (host:port) of a SQL Server, with SANDBOX_SQL_USER and SANDBOX_SQL_PASSWORD."""
    address = os.environ.get("SANDBOX_SQL_SERVER", "")
    if not address:
        pytest.skip("SANDBOX_SQL_SERVER is not set: no text was stored on a SQL Server")
    login = ":".join(
        quote(os.environ.get(name, default), safe="")
        for name, default in (("SANDBOX_SQL_USER", "sa"), ("SANDBOX_SQL_PASSWORD", ""))
    )
    for driver, uri in DRIVERS.items():
        place = re.sub(",", ":", address) + "/tempdb"
        with program(server_bin, Script(), uri.format(login=login, place=place, encrypt="yes") + PLUGIN) as client:
            answer = client.ask(store=list(TEXTS.values()))
        report_count(f"{driver}: {len(answer['texts'])} of {len(TEXTS)} texts stored and found on {address}")
        assert answer == {"error": None, "texts": list(TEXTS.values())}
