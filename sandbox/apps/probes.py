# Copyright (c) 2026, mlops.mlflow_azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Probes of a container: their schedule and their result.

A failure counts only at the times of Azure's schedule (initial delay, period, thresholds). Until a container is ready, the sandbox sends
probes more often, by as much as it runs faster than Azure, so that a client does not wait for a long period.
Source: https://learn.microsoft.com/azure/container-apps/health-probes
"""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Callable
from dataclasses import dataclass, field

import h11

from sandbox.messages import Json

_SHORTEST_PERIOD = 0.2


@dataclass(frozen=True)
class Probe:
    """Probe with Azure's defaults. Durations are seconds."""

    port: int
    path: str | None = None
    scheme: str = "HTTP"
    headers: tuple[tuple[str, str], ...] = ()
    initial_delay: float = 0.0
    period: float = 10.0
    timeout: float = 1.0
    success_threshold: int = 1
    failure_threshold: int = 3


@dataclass(frozen=True)
class Probes:
    """Probes of a container; None for a probe that Azure does not send."""

    startup: Probe | None = None
    readiness: Probe | None = None
    liveness: Probe | None = None


@dataclass
class ProbeState:
    """State after a series of results: `up` changes after as many equal results as the threshold says."""

    probe: Probe
    up: bool | None = None
    successes: int = field(default=0)
    failures: int = field(default=0)

    def add(self, succeeded: bool, *, counts: bool) -> bool | None:
        """Add a result. A failure between the times of Azure's schedule does not count. Return `up`: None while undecided."""
        if succeeded:
            self.successes, self.failures = self.successes + 1, 0
            if self.successes >= self.probe.success_threshold:
                self.up = True
        else:
            self.successes = 0
            self.failures += 1 if counts else 0
            if self.failures >= self.probe.failure_threshold:
                self.up = False
        return self.up


def probes_of(spec: Json, ingress_port: int | None) -> Probes:
    """Return the probes of a container. `ingress_port`: port of the app's main container, for which Azure has default probes."""
    probes = {str(item["type"]).lower(): _probe(item) for item in spec.get("probes") or []}
    if ingress_port:
        probes.setdefault("startup", Probe(ingress_port, initial_delay=1, period=1, timeout=3, failure_threshold=240))
        probes.setdefault("readiness", Probe(ingress_port, initial_delay=3, period=5, timeout=5, failure_threshold=48))
    return Probes(**probes)


def _probe(item: Json) -> Probe:
    http = item.get("httpGet")
    target = http or item.get("tcpSocket") or {}
    return Probe(
        port=int(target.get("port") or 0),
        path=None if http is None else str(http.get("path") or "/"),
        scheme=str(target.get("scheme") or "HTTP").upper(),
        headers=tuple((str(entry["name"]), str(entry["value"])) for entry in target.get("httpHeaders") or []),
        initial_delay=float(item.get("initialDelaySeconds") or 0),
        period=float(item.get("periodSeconds") or 10),
        timeout=float(item.get("timeoutSeconds") or 1),
        success_threshold=int(item.get("successThreshold") or 1),
        failure_threshold=int(item.get("failureThreshold") or 3),
    )


async def wait_for_result(probe: Probe, address: str, latency: float) -> bool:
    """Repeat the probe until a threshold is reached. Return whether it succeeded. `latency`: fraction of Azure's durations."""
    state, loop = ProbeState(probe), asyncio.get_running_loop()
    due = loop.time() + probe.initial_delay
    while True:
        counts = loop.time() >= due
        if counts:
            due = max(due + probe.period, loop.time())
        if (up := state.add(await succeeds(probe, address), counts=counts)) is not None:
            return up
        await asyncio.sleep(max(0.0, min(due - loop.time(), max(_SHORTEST_PERIOD, probe.period * latency))))


async def watch(probe: Probe, address: str, latency: float, on_change: Callable[[bool], None]) -> None:
    """Repeat the probe until cancelled, and call `on_change` for each change of its state."""
    state, loop = ProbeState(probe), asyncio.get_running_loop()
    reported: bool | None = None
    due = loop.time() + probe.initial_delay
    while True:
        counts = loop.time() >= due
        if counts:
            due = max(due + probe.period, loop.time())
        up = state.add(await succeeds(probe, address), counts=counts)
        if up is not None and up is not reported:
            reported = up
            on_change(up)
        # up: at the times of Azure's schedule; else sooner
        step = probe.period if state.up and state.failures == 0 else max(_SHORTEST_PERIOD, probe.period * latency)
        await asyncio.sleep(max(0.0, min(due - loop.time(), step)))


async def succeeds(probe: Probe, address: str) -> bool:
    """Return whether a TCP or HTTP probe succeeds within its timeout. HTTP: a status from 200 to 399, without certificate validation."""
    secure = None
    if probe.path is not None and probe.scheme == "HTTPS":
        secure = ssl.create_default_context()
        secure.check_hostname, secure.verify_mode = False, ssl.CERT_NONE
    try:
        async with asyncio.timeout(probe.timeout):
            reader, writer = await asyncio.open_connection(address, probe.port, ssl=secure)
            try:
                if probe.path is None:
                    return True
                return 200 <= await _http_status(reader, writer, address, probe) < 400
            finally:
                writer.close()
    except (OSError, TimeoutError, h11.ProtocolError):
        return False


async def _http_status(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, address: str, probe: Probe) -> int:
    connection = h11.Connection(h11.CLIENT)
    headers = [("User-Agent", "kube-probe/1.30"), ("Connection", "close"), *probe.headers]
    if not any(name.lower() == "host" for name, _value in probe.headers):
        headers.insert(0, ("Host", f"{address}:{probe.port}"))
    request = h11.Request(method="GET", target=probe.path or "/", headers=headers)
    writer.write((connection.send(request) or b"") + (connection.send(h11.EndOfMessage()) or b""))
    await writer.drain()
    while True:
        event = connection.next_event()
        if event is h11.NEED_DATA:
            connection.receive_data(await reader.read(65536))
        elif isinstance(event, h11.Response):
            return event.status_code
        elif not isinstance(event, h11.InformationalResponse):
            return 0
