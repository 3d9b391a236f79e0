# Copyright (c) 2026, mlops.mlflow_azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Probes: Azure's defaults, the schedule, thresholds and results."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from sandbox.apps.probes import Probe, Probes, ProbeState, probes_of, succeeds, wait_for_result, watch

HERE = "127.0.0.1"


def test_the_main_container_has_default_probes() -> None:
    probes = probes_of({}, 8080)
    assert probes == Probes(
        Probe(8080, initial_delay=1, period=1, timeout=3, failure_threshold=240),
        Probe(8080, initial_delay=3, period=5, timeout=5, failure_threshold=48),
        None,
    )
    assert probes_of({}, None) == Probes()


def test_a_probe_of_the_template_replaces_the_default() -> None:
    spec = {
        "probes": [
            {"type": "Liveness", "tcpSocket": {"port": 9}},
            {
                "type": "readiness",
                "initialDelaySeconds": 2,
                "periodSeconds": 3,
                "timeoutSeconds": 4,
                "successThreshold": 5,
                "failureThreshold": 6,
                "httpGet": {"path": "/h", "port": 7, "scheme": "https", "httpHeaders": [{"name": "A", "value": "b"}]},
            },
        ]
    }
    probes = probes_of(spec, 8080)
    assert probes.startup is not None
    assert probes.startup.port == 8080
    assert probes.liveness == Probe(9)
    assert probes.readiness == Probe(7, "/h", "HTTPS", (("A", "b"),), 2, 3, 4, 5, 6)


@pytest.mark.parametrize(
    ("answers", "expected"),
    [
        ("", None),
        ("+", None),
        ("++", True),
        ("+-+", None),
        ("--", None),
        ("---", False),
        ("--+--", None),
        ("++---", False),
        ("++--", True),
        ("---++", True),
        ("......", None),  # failures between the times of Azure's schedule
        ("-.-.-", False),
    ],
)
def test_thresholds(answers: str, expected: bool | None) -> None:
    verdict = ProbeState(Probe(1, success_threshold=2, failure_threshold=3))
    for answer in answers:
        verdict.add(answer == "+", counts=answer != ".")
    assert verdict.up is expected


class Server:
    """Server that responds to each request with the next status, and repeats the last one."""

    def __init__(self, *statuses: int) -> None:
        self.statuses = list(statuses)
        self.requests: list[bytes] = []

    async def __aenter__(self) -> int:
        self.server = await asyncio.start_server(self._respond, HERE, 0)
        return int(self.server.sockets[0].getsockname()[1])

    async def __aexit__(self, *_what: Any) -> None:
        self.server.close()

    async def _respond(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.requests.append(await reader.readuntil(b"\r\n\r\n"))
        status = self.statuses.pop(0) if len(self.statuses) > 1 else self.statuses[0]
        writer.write(b"HTTP/1.1 %d x\r\nContent-Length: 0\r\n\r\n" % status if status else b"what?\r\n\r\n")
        await writer.drain()
        writer.close()


@pytest.mark.parametrize(
    ("status", "expected"), [(200, True), (302, True), (399, True), (400, False), (503, False), (0, False)]
)
def test_the_statuses_of_a_successful_http_probe(status: int, expected: bool) -> None:
    async def ask() -> bytes:
        server = Server(status)
        async with server as port:
            probe = Probe(port, "/health?x=1", headers=(("Host", "app.example"), ("X-A", "b")))
            assert await succeeds(probe, HERE) is expected
        return server.requests[0]

    sent = asyncio.run(ask())
    assert sent.startswith(b"GET /health?x=1 HTTP/1.1\r\n")
    assert sent.count(b"ost: ") == 1
    assert b"Host: app.example\r\n" in sent
    assert b"X-A: b\r\n" in sent


@pytest.mark.parametrize("path", ["/has space", "/line\nbreak"])
def test_an_invalid_path_is_a_failure(path: str) -> None:
    async def ask() -> bool:
        async with Server(200) as port:
            return await succeeds(Probe(port, path), HERE)

    assert not asyncio.run(ask())


def test_a_tcp_probe_needs_only_a_connection() -> None:
    async def ask() -> tuple[bool, bool]:
        async with Server(500) as port:
            open_one = await succeeds(Probe(port), HERE)
        return open_one, await succeeds(Probe(port), HERE)

    assert asyncio.run(ask()) == (True, False)


def test_a_probe_without_a_response_fails_after_its_timeout() -> None:
    async def ask() -> bool:
        server = await asyncio.start_server(lambda _reader, _writer: asyncio.sleep(30), HERE, 0)
        try:
            return await succeeds(Probe(server.sockets[0].getsockname()[1], "/", timeout=0.05), HERE)
        finally:
            server.close()

    assert not asyncio.run(ask())


def test_a_success_is_detected_before_the_next_period() -> None:
    async def ask() -> tuple[bool, float]:
        began = asyncio.get_running_loop().time()
        async with Server(503, 200) as port:
            up = await wait_for_result(Probe(port, "/", period=3600, initial_delay=3600, failure_threshold=1), HERE, 0)
        return up, asyncio.get_running_loop().time() - began

    up, took = asyncio.run(ask())
    assert up
    assert took < 10


def test_failures_count_at_the_times_of_the_schedule() -> None:
    async def ask() -> tuple[bool, int]:
        server = Server(503)
        async with server as port:
            up = await wait_for_result(Probe(port, "/", period=0.3, failure_threshold=2), HERE, 1)
        return up, len(server.requests)

    assert asyncio.run(ask()) == (False, 2)


def test_watch_reports_only_changes() -> None:
    async def look() -> list[bool]:
        reported: list[bool] = []
        ended = asyncio.Event()

        def on_change(up: bool) -> None:
            reported.append(up)
            if len(reported) == 3:
                ended.set()

        async with Server(200, 200, 503, 503, 503, 200) as port:
            watching = asyncio.create_task(
                watch(Probe(port, "/", period=0.01, failure_threshold=2), HERE, 0, on_change)
            )
            await asyncio.wait_for(ended.wait(), 20)
            watching.cancel()
            await asyncio.gather(watching, return_exceptions=True)
        return reported

    assert asyncio.run(look()) == [True, False, True]
