# Copyright (c) 2026, mlops.mlflow_azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The bridge between MLflow's FastAPI and Flask applications: its memory and its threads, whatever the client does."""

from __future__ import annotations

import asyncio
import contextvars
import hashlib
import http.client
import json
import re
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from mlflow_azure_server._flask_bridge import FlaskBridge

from tests.support.image_server import Server, free_port, running, settings

MEGABYTE = 2**20
FILE_MEGABYTES = 300
# Less than a third of the file. The server needs some MB for a download.
MEMORY_MEGABYTES = 80
# More than the threads of a worker.
SLOW_READERS = 60


@pytest.fixture(scope="module")
def server(server_bin: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    directory = tmp_path_factory.mktemp("server")
    env = settings(directory, free_port(), MLFLOW_WORKERS="1", TMPDIR=str(directory / "tmp"))
    with running(server_bin / "mlflow-azure-server", env, directory / "log") as running_server:
        yield running_server


def post(server: Server, path: str, **body: Any) -> Any:
    answer = server.ask("POST", f"/api/2.0/mlflow/{path}", json.dumps(body), Content_Type="application/json")
    assert answer.status == 200, answer.body
    return json.loads(answer.body)


@pytest.fixture(scope="module")
def artifact(server: Server) -> tuple[str, str]:
    """A large artifact of a run: the path of its download in the UI, and its digest."""
    experiment = post(server, "experiments/create", name="large")["experiment_id"]
    run = post(server, "runs/create", experiment_id=experiment, start_time=1)["run"]["info"]
    folder = server.log.parent / "artifacts" / run["artifact_uri"].removeprefix("mlflow-artifacts:/")
    folder.mkdir(parents=True)
    digest = hashlib.sha256()
    with (folder / "weights.bin").open("wb") as file:
        for number in range(FILE_MEGABYTES):
            part = number.to_bytes(8, "big") * (MEGABYTE // 8)
            file.write(part)
            digest.update(part)
    return f"/get-artifact?path=weights.bin&run_uuid={run['run_id']}", digest.hexdigest()


def memory(server: Server, field: str) -> int:
    """Return the largest value of a field of /proc/<pid>/status among the server's processes, in MB."""
    texts = [Path(f"/proc/{process}/status").read_text() for process in server.processes()]
    return max(int(value) for text in texts for value in re.findall(rf"{field}:\s+(\d+) kB", text)) // 1024


def read_bytes(server: Server) -> int:
    texts = [Path(f"/proc/{process}/io").read_text() for process in server.processes()]
    return sum(int(value) for text in texts for value in re.findall(r"rchar: (\d+)", text))


def wait_until_it_reads_no_more(server: Server) -> None:
    """Wait until the server reads no more of its files while it answers other requests."""
    deadline = time.monotonic() + 60
    before = -1
    while time.monotonic() < deadline:
        for _request in range(20):
            assert server.ask("GET", "/health").status == 200
        now = read_bytes(server)
        if now - before < MEGABYTE:
            return
        before = now
    raise AssertionError("the server goes on reading")


def start_download(server: Server, path: str, stack: ExitStack) -> http.client.HTTPResponse:
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=60)
    stack.callback(connection.close)
    connection.request("GET", path)
    response = connection.getresponse()
    assert response.status == 200
    return response


def test_the_server_does_not_hold_what_a_slow_client_has_not_read(server: Server, artifact: tuple[str, str]) -> None:
    path, expected = artifact
    before = memory(server, "VmRSS")
    digest = hashlib.sha256()
    with ExitStack() as stack:
        response = start_download(server, path, stack)
        wait_until_it_reads_no_more(server)
        assert memory(server, "VmHWM") - before < MEMORY_MEGABYTES
        while part := response.read(MEGABYTE):
            digest.update(part)
    assert digest.hexdigest() == expected
    assert memory(server, "VmHWM") - before < MEMORY_MEGABYTES


def test_slow_clients_do_not_stop_the_server(server: Server, artifact: tuple[str, str]) -> None:
    with ExitStack() as stack:
        for _client in range(SLOW_READERS):
            start_download(server, artifact[0], stack)
        wait_until_it_reads_no_more(server)
        assert server.ask("GET", "/health").status == 200


def test_a_large_request_that_is_refused_is_not_held_in_memory(server: Server) -> None:
    before = memory(server, "VmRSS")
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=60)
    body = (bytes(MEGABYTE) for _part in range(FILE_MEGABYTES))
    headers = {"Content-Length": str(FILE_MEGABYTES * MEGABYTE)}
    connection.request("POST", "/ajax-api/2.0/mlflow/upload-artifact?run_uuid=x&path=y", body, headers)
    response = connection.getresponse()
    answer = response.read().decode()
    connection.close()
    assert (response.status, "Max size is 10MB" in answer) == (400, True), answer
    assert memory(server, "VmHWM") - before < MEMORY_MEGABYTES
    assert not list((server.log.parent / "tmp").iterdir())


# The bridge alone, with WSGI applications of the test.

OK = {"type": "http.response.start", "status": 200, "headers": [(b"x-name", b"\xe9")]}


def http_scope(**change: Any) -> dict[str, Any]:
    scope = {"type": "http", "http_version": "1.1", "method": "POST", "path": "/a", "query_string": b"", "headers": []}
    return {**scope, **change}


def respond(wsgi: Callable[..., Any], *messages: dict[str, Any], scope: dict[str, Any] | None = None) -> list[Any]:
    """Return what the bridge sends to a client that sends `messages` and then waits, or disconnects with the last."""
    sent: list[Any] = []

    async def exchange() -> None:
        pending = list(messages)

        async def receive() -> dict[str, Any]:
            if not pending:
                await asyncio.Event().wait()
            return pending.pop(0)

        async def send(message: Any) -> None:
            sent.append(message)

        await asyncio.wait_for(FlaskBridge(wsgi)(scope or http_scope(), receive, send), 30)

    asyncio.run(exchange())
    return sent


def body(*parts: bytes) -> list[dict[str, Any]]:
    last = len(parts) - 1
    return [
        {"type": "http.request", "body": part, "more_body": number < last} for number, part in enumerate(parts or [b""])
    ]


class Parts:
    """A response that counts how often it is closed."""

    def __init__(self, parts: Iterator[bytes]) -> None:
        self.parts = parts
        self.closed = 0

    def __iter__(self) -> Iterator[bytes]:
        return self.parts

    def close(self) -> None:
        self.closed += 1


@pytest.mark.parametrize("size", [0, 10, 3 * MEGABYTE])
def test_the_application_reads_the_whole_body(size: int) -> None:
    given = bytes(range(256)) * (size // 256 + 1)

    def echo(environ: dict[str, Any], start: Any) -> list[bytes]:
        start("200 OK", [("X-Name", "é")])
        return [environ["wsgi.input"].read()]

    sent = respond(echo, *body(given[: size // 2], given[size // 2 : size]))
    assert sent == [
        OK,
        {"type": "http.response.body", "body": given[:size], "more_body": True},
        {"type": "http.response.body", "body": b"", "more_body": False},
    ]


def test_every_part_is_sent_in_order_and_the_response_is_closed() -> None:
    parts = Parts(iter([b"a", b"", b"b"]))

    def app(_environ: Any, start: Any) -> Parts:
        start("200 OK", [("X-Name", "é")])
        return parts

    sent = respond(app, *body())
    assert [message.get("body") for message in sent] == [None, b"a", b"", b"b", b""]
    assert parts.closed == 1


def test_a_generator_may_start_the_response_late_and_keeps_its_context() -> None:
    variable = contextvars.ContextVar("variable", default="unset")

    def app(_environ: Any, start: Any) -> Iterator[bytes]:
        token = variable.set("set")
        start("200 OK", [("X-Name", "é")])
        yield b"a"
        yield variable.get().encode()
        variable.reset(token)

    sent = respond(app, *body())
    assert sent[0] == OK
    assert [message["body"] for message in sent[1:]] == [b"a", b"set", b""]
    assert variable.get() == "unset"


def test_a_client_that_disconnects_ends_an_endless_response() -> None:
    def endless() -> Iterator[bytes]:
        while True:
            yield b"more"

    parts = Parts(endless())

    def app(_environ: Any, start: Any) -> Parts:
        start("200 OK", [])
        return parts

    respond(app, *body(), {"type": "http.disconnect"})
    assert parts.closed == 1


def test_a_client_that_disconnects_during_its_upload_does_not_reach_the_application() -> None:
    def app(*_arguments: Any) -> Any:
        raise AssertionError("called")

    sent = respond(app, {"type": "http.request", "body": b"half", "more_body": True}, {"type": "http.disconnect"})
    assert sent == []


def test_an_error_before_the_response_is_raised() -> None:
    def app(*_arguments: Any) -> Any:
        raise KeyError("broken")

    with pytest.raises(KeyError, match="broken"):
        respond(app, *body())


def test_an_error_in_the_response_is_raised_and_the_response_closed() -> None:
    def broken() -> Iterator[bytes]:
        yield b"a"
        raise KeyError("broken")

    parts = Parts(broken())

    def app(_environ: Any, start: Any) -> Parts:
        start("200 OK", [])
        return parts

    with pytest.raises(ExceptionGroup) as raised:
        respond(app, *body())
    assert raised.group_contains(KeyError)
    assert parts.closed == 1


def test_an_error_after_the_head_cannot_replace_it() -> None:
    def app(_environ: Any, start: Any) -> Iterator[bytes]:
        start("200 OK", [])
        yield b"a"
        error = KeyError("late")
        start("500 Error", [], (KeyError, error, None))

    with pytest.raises(ExceptionGroup) as raised:
        respond(app, *body())
    assert raised.group_contains(KeyError, match="late")


def test_an_error_before_the_head_replaces_it() -> None:
    def app(_environ: Any, start: Any) -> list[bytes]:
        start("200 OK", [])
        start("500 Error", [], (KeyError, KeyError("early"), None))
        return []

    assert respond(app, *body())[0]["status"] == 500


def test_a_response_without_a_status_is_an_error() -> None:
    with pytest.raises(ExceptionGroup) as raised:
        respond(lambda _environ, _start: [b"a"], *body())
    assert raised.group_contains(RuntimeError, match="without a status")


def test_a_web_socket_is_refused() -> None:
    sent = respond(lambda _environ, _start: [], scope={"type": "websocket", "path": "/"})
    assert sent == [{"type": "websocket.close", "code": 1000}]
