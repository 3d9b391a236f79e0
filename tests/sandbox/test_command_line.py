# Copyright (c) 2026, mlops.mlflow_azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Command line: start, stop, state and errors."""

from __future__ import annotations

import json
import os
import signal
import socket
import ssl
import subprocess
import threading
from pathlib import Path

import pytest

from tests.support.sandbox_client import Client, run_cli


def processes_below(home: Path) -> list[int]:
    """Return the processes with a sandbox's folder in their command line or environment."""
    pids = []
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            words = (entry / "cmdline").read_bytes() + (entry / "environ").read_bytes()
        except (FileNotFoundError, ProcessLookupError, PermissionError):
            continue
        if str(home).encode() in words:
            pids.append(int(entry.name))
    return pids


@pytest.fixture
def home(tmp_path: Path):
    yield tmp_path / "home"
    run_cli(tmp_path / "home", "down", "--purge")


def client_of(home: Path) -> Client:
    return Client(home, json.loads(run_cli(home, "env", "--json").stdout))


def test_up_is_idempotent_and_down_ends_everything(home: Path) -> None:
    assert run_cli(home, "up").returncode == 0
    again = run_cli(home, "up")
    assert again.returncode == 0
    assert "already runs" in again.stdout
    client = client_of(home)
    client.storage(client.group())
    assert len(processes_below(home)) >= 2  # the server and an Azurite
    assert run_cli(home, "status").returncode == 0
    assert "stopped" in run_cli(home, "down").stdout
    assert processes_below(home) == []
    assert run_cli(home, "status").returncode == 3
    assert "not running" in run_cli(home, "down").stdout
    assert run_cli(home, "down", "--purge").returncode == 0
    assert not home.exists()


def test_secret_files_are_readable_by_their_owner_alone(home: Path) -> None:
    run_cli(home, "up")
    open_to_others = [
        path for path in [home, *home.rglob("*")] if not path.is_symlink() and path.stat().st_mode & 0o077
    ]
    private = [path for path in open_to_others if path.is_file() or path == home]
    assert private == []


def test_state_survives_sigkill(home: Path) -> None:
    run_cli(home, "up")
    client = client_of(home)
    group = client.group()
    account = client.storage(group)
    before = client.environment
    os.kill(json.loads((home / "ready.json").read_text())["pid"], signal.SIGKILL)
    assert run_cli(home, "status").returncode == 3
    assert run_cli(home, "up").returncode == 0
    after = client_of(home)
    assert after.environment == before
    assert after.arm("GET", account["id"]).json() == account
    assert after.assign(account["id"], "Storage Blob Data Contributor", after.me()).status_code == 201
    url = account["properties"]["primaryEndpoints"]["blob"]
    headers = {
        "Authorization": f"Bearer {after.token('https://storage.azure.com/.default')}",
        "x-ms-version": "2023-11-03",
    }
    made = after.until(
        lambda: (
            after.session.put(f"{url}files?restype=container", headers=headers, timeout=10).status_code in (201, 409)
        ),
        "blob service",
    )
    assert made


def test_two_sandboxes_side_by_side(home: Path, sandbox: Client) -> None:
    assert run_cli(home, "up").returncode == 0
    other = client_of(home)
    assert other.environment["HTTPS_PROXY"] != sandbox.environment["HTTPS_PROXY"]
    assert (
        other.arm("GET", "/subscriptions").json()["value"][0]["subscriptionId"]
        == other.environment["AZURE_SUBSCRIPTION_ID"]
    )
    run_cli(home, "down")
    assert sandbox.arm("GET", "/subscriptions").status_code == 200


def test_a_taken_port_is_reported_on_one_line_with_the_remedy(home: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        refused = run_cli(home, "up", "--port", str(port))
    assert refused.returncode == 1
    assert refused.stderr.count("\n") == 1
    assert f"port {port}" in refused.stderr
    assert "--port" in refused.stderr


@pytest.mark.parametrize(
    ("version", "message"),
    [(None, "node was not found"), ("v18.19.0", "Node.js v18.19.0 is too old")],
)
def test_missing_or_old_node_is_reported_by_name(tmp_path: Path, home: Path, version: str | None, message: str) -> None:
    folder = tmp_path / "bin"
    folder.mkdir()
    if version is not None:
        for name in ("node", "npm"):
            (folder / name).write_text(f"#!/bin/sh\necho {version}\n")
            (folder / name).chmod(0o755)
    refused = run_cli(
        home,
        "up",
        environment={
            "PATH": str(folder) + (os.pathsep + "/bin" if version else ""),
            "SANDBOX_TOOLS": str(tmp_path / "tools"),
        },
    )
    assert refused.returncode == 1
    assert message in refused.stderr
    assert "install Node.js 20" in refused.stderr


@pytest.mark.parametrize("value", ["localhost", ":1433", "host:", "host:sql"])
def test_an_invalid_sql_server_is_rejected(home: Path, value: str) -> None:
    refused = run_cli(home, "up", "--sql-server", value)
    assert refused.returncode == 1
    assert "host:port" in refused.stderr


def test_a_sql_server_needs_its_login(home: Path) -> None:
    refused = run_cli(home, "up", "--sql-server", "127.0.0.1:1433", environment={"SANDBOX_SQL_USER": "sa"})
    assert refused.returncode == 1
    assert "SANDBOX_SQL_PASSWORD" in refused.stderr


def test_other_options_require_a_restart(home: Path) -> None:
    run_cli(home, "up")
    refused = run_cli(home, "up", "--latency", "0.5")
    assert refused.returncode == 1
    assert "down" in refused.stderr


def test_commands_before_the_first_start_report_it(home: Path) -> None:
    assert "python -m sandbox up" in run_cli(home, "env").stderr
    assert "no container app named 'x'" in run_cli(home, "url", "x").stderr
    assert run_cli(home, "down").stdout.startswith("There is no sandbox")


def test_other_hosts_go_through_the_parent_proxy(home: Path) -> None:
    """A proxy that was set before stays in use: the sandbox tunnels the connections to other hosts through it."""
    seen: list[bytes] = []
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()

        def respond() -> None:
            connection = listener.accept()[0]
            with connection:
                seen.append(connection.recv(4096).partition(b"\r\n")[0])
                connection.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
                seen.append(connection.recv(3))

        thread = threading.Thread(target=respond, daemon=True)
        thread.start()
        proxy = f"http://127.0.0.1:{listener.getsockname()[1]}"
        assert run_cli(home, "up", environment={"HTTPS_PROXY": proxy, "NO_PROXY": ""}).returncode == 0
        port = int(client_of(home).environment["HTTPS_PROXY"].rpartition(":")[2])
        with socket.create_connection(("127.0.0.1", port)) as through:
            through.sendall(b"CONNECT elsewhere.example:443 HTTP/1.1\r\nHost: elsewhere.example:443\r\n\r\n")
            assert through.recv(100).startswith(b"HTTP/1.1 200")
            with pytest.raises(ssl.SSLError):
                ssl.create_default_context().wrap_socket(through, server_hostname="elsewhere.example")
        thread.join(30)
    assert seen == [b"CONNECT elsewhere.example:443 HTTP/1.1", b"\x16\x03\x01"]


def test_a_restart_from_a_shell_that_sourced_the_env_file(home: Path) -> None:
    """The proxy in the `env` file is the sandbox itself, so it must not become its own parent proxy."""
    assert run_cli(home, "up").returncode == 0
    sourced = client_of(home).environment
    run_cli(home, "down")
    assert run_cli(home, "up", environment=sourced).returncode == 0
    port = int(client_of(home).environment["HTTPS_PROXY"].rpartition(":")[2])
    with socket.socket() as listener, socket.create_connection(("127.0.0.1", port)) as through:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        listener.settimeout(30)
        target = f"127.0.0.1:{listener.getsockname()[1]}".encode()
        through.sendall(b"CONNECT " + target + b" HTTP/1.1\r\nHost: " + target + b"\r\n\r\n")
        assert through.recv(100).startswith(b"HTTP/1.1 200")
        hello = ssl.MemoryBIO()
        client = ssl.create_default_context().wrap_bio(ssl.MemoryBIO(), hello, server_hostname="elsewhere.example")
        with pytest.raises(ssl.SSLWantReadError):
            client.do_handshake()
        through.sendall(hello.read())
        arrived = listener.accept()[0]
        with arrived:
            assert arrived.recv(3) == b"\x16\x03\x01"


def test_a_folder_with_a_space(tmp_path: Path) -> None:
    home = tmp_path / "a folder"
    try:
        assert run_cli(home, "up").returncode == 0
        bundle = json.loads(run_cli(home, "env", "--json").stdout)["REQUESTS_CA_BUNDLE"]
        assert bundle == str(home / "certificates" / "bundle.pem")
        read = subprocess.run(
            ["sh", "-c", f". '{home}/env'; printf %s \"$REQUESTS_CA_BUNDLE\""],
            capture_output=True,
            text=True,
            check=True,
        )
        assert read.stdout == bundle
    finally:
        run_cli(home, "down", "--purge")


def test_purge_does_not_remove_a_folder_of_something_else(tmp_path: Path) -> None:
    (tmp_path / "precious").write_text("mine")
    refused = run_cli(tmp_path, "down", "--purge")
    assert refused.returncode == 1
    assert "is not the folder of a sandbox: nothing was removed" in refused.stderr
    assert (tmp_path / "precious").read_text() == "mine"
