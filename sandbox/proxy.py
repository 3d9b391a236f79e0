# Copyright (c) 2026, mlops.mlflow_azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Proxy addon: selects the site of a request by its host name.

A site responds in this process, or forwards its requests to another server of this machine. Requests to all other hosts are tunnelled, and
their TLS is not intercepted.
"""

from __future__ import annotations

import asyncio
import ipaddress
import logging
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass

from mitmproxy import http, tls

from sandbox.apps.gateway import AppGateway, not_found
from sandbox.apps.ingress import REQUEST_SECONDS
from sandbox.faults import Faults, Rule
from sandbox.host.egress import EgressDenied, resolve_outbound
from sandbox.messages import Connection, Request, Response, Upstream, json_response

LOG = logging.getLogger(__name__)
_FAILED = b'{"error": {"code": "InternalServerError", "message": "The sandbox could not respond to this request; its log has the reason."}}'


@dataclass(frozen=True)
class Site:
    """Host names of an Azure service, and the code that serves them: a row of the proxy's table.

    `handle` returns the response to a complete request. `forward` decides by the headers alone, and returns the server to which the request
    is streamed, or an error response; `streams`: which requests a site with both forwards.
    `subject`: resource type and verb that fault rules match. `faults`: whether fault rules apply.
    """

    matches: Callable[[str], bool]
    handle: Callable[[Request], Response] | None = None
    forward: Callable[[Request, Connection], Awaitable[Upstream | Response]] | None = None
    streams: Callable[[Request], bool] = lambda _request: True
    subject: Callable[[Request], tuple[str, str]] = lambda request: ("", request.method)
    faults: bool = True


class Gateway:
    """Proxy addon. `listeners`: handlers of the ports that are not a proxy's; `apps`: for the local ports of container apps."""

    def __init__(
        self,
        sites: Sequence[Site],
        listeners: Mapping[int, Callable[[Request], Response]],
        apps: AppGateway,
        faults: Faults,
    ) -> None:
        self._sites = sites
        self._listeners = listeners
        self._apps = apps
        self._faults = faults
        self._time_limits: dict[str, asyncio.TimerHandle] = {}

    def _site(self, host: str) -> Site | None:
        return next((site for site in self._sites if site.matches(host)), None)

    # hooks of mitmproxy

    def tls_clienthello(self, data: tls.ClientHelloData) -> None:
        """Intercept the TLS of connections to the sites, and tunnel all others."""
        address = data.context.server.address
        host = (data.client_hello.sni or (address[0] if address else "")).lower()
        if self._site(host) is None:
            data.ignore_connection = True

    async def http_connect(self, flow: http.HTTPFlow) -> None:
        """Route the tunnel of a container to a host outside of the sandbox."""
        if _is_from_container(flow) and self._site(flow.request.host.lower()) is None:
            await self._route_outbound(flow)

    async def requestheaders(self, flow: http.HTTPFlow) -> None:
        """Forward a request whose body is streamed."""
        port = flow.client_conn.sockname[1]
        if port in self._listeners:
            return
        reverse = flow.client_conn.proxy_mode.type_name == "reverse"
        app = self._apps.app_at(port) if reverse else None
        if app is not None:
            self._send(flow, await self._apps.forward_local(app, port, _from_flow(flow), _connection(flow)))
            return
        host = flow.request.pretty_host.lower()
        site = self._site(host)
        if site is not None:
            await self._forward(flow, site)
        elif _is_from_container(flow) and not reverse and self._site(flow.client_conn.sni or "") is None:
            await self._route_outbound(flow)

    async def request(self, flow: http.HTTPFlow) -> None:
        """Respond to a complete request."""
        if flow.response is not None or flow.request.stream:
            return
        listener = self._listeners.get(flow.client_conn.sockname[1])
        host = flow.request.pretty_host.lower()
        site = self._site(host) if listener is None else None
        if listener is None and (site is None or site.handle is None):
            if self._site((flow.client_conn.sni or "").lower()) is not None:
                # the connection is to a site, but the Host header names another host
                flow.response = _to_flow(not_found())
            return
        # remains if the handler fails: a request for the sandbox must never reach the real Azure
        flow.response = http.Response.make(500, _FAILED, {"Content-Type": "application/json; charset=utf-8"})
        request = _from_flow(flow)
        handle = listener
        if site is not None:
            if site.faults and await self._strike(flow, *site.subject(request)):
                return
            # Look the site up again: a rule may have delayed the request, and the resource may be deleted by now.
            site = self._site(host)
            handle = None if site is None else site.handle
        flow.response = _to_flow(not_found() if handle is None else handle(request))
        if (rule := flow.metadata.get("fault")) is not None:
            _apply(flow, rule)

    def responseheaders(self, flow: http.HTTPFlow) -> None:
        """Stream the response of a forwarded request."""
        if flow.response is not None and flow.metadata.get("forwarded"):
            rule = flow.metadata.get("fault")
            if rule is None:
                flow.response.stream = True
            elif rule.kind == "drop":
                _apply(flow, rule)

    def response(self, flow: http.HTTPFlow) -> None:
        """Release a forwarded request, and apply a fault to its response."""
        if flow.websocket is None:
            self._release(flow)
        if flow.metadata.get("forwarded") and (rule := flow.metadata.get("fault")) is not None:
            _apply(flow, rule)  # not earlier: mitmproxy would add the body of the lost response

    def websocket_end(self, flow: http.HTTPFlow) -> None:
        """Release a forwarded WebSocket."""
        self._release(flow)

    def error(self, flow: http.HTTPFlow) -> None:
        """Release a forwarded request that failed."""
        self._release(flow)
        if flow.metadata.get("forwarded") and flow.error is not None:
            LOG.info("%s %s: %s", flow.request.method, flow.request.pretty_host, flow.error.msg)

    # forwarding

    async def _forward(self, flow: http.HTTPFlow, site: Site) -> None:
        if site.forward is None or not site.streams(_from_flow(flow)):
            return
        if site.faults and await self._strike(flow, "", flow.request.method):
            return
        self._send(flow, await site.forward(_from_flow(flow), _connection(flow)))

    def _send(self, flow: http.HTTPFlow, outcome: Upstream | Response) -> None:
        """Send a request to its upstream server, with its body streamed, or send an error response."""
        if isinstance(outcome, Response):
            flow.response = _to_flow(outcome)
            return
        host = flow.request.headers.get("Host", flow.request.pretty_host)
        flow.request.scheme, flow.request.host, flow.request.port = outcome.scheme, outcome.host, outcome.port
        for name, value in {"Host": host, **outcome.headers}.items():
            flow.request.headers[name] = value
        if outcome.target is not None:
            flow.request.path = outcome.target
        flow.request.stream = True
        flow.server_conn.via = None
        flow.metadata["forwarded"] = True
        if outcome.on_end is not None:
            flow.metadata["on_end"] = outcome.on_end
        if outcome.expire is not None:
            loop = asyncio.get_running_loop()
            self._time_limits[flow.id] = loop.call_later(REQUEST_SECONDS, self._expire, flow, outcome.expire)

    def _expire(self, flow: http.HTTPFlow, expire: Callable[[tuple[str, int]], None]) -> None:
        del self._time_limits[flow.id]
        if flow.websocket is None and flow.server_conn.sockname is not None:
            expire(flow.server_conn.sockname[:2])

    def _release(self, flow: http.HTTPFlow) -> None:
        if (on_end := flow.metadata.pop("on_end", None)) is not None:
            on_end()
        if (time_limit := self._time_limits.pop(flow.id, None)) is not None:
            time_limit.cancel()

    async def _route_outbound(self, flow: http.HTTPFlow) -> None:
        """Set the address of a container's request to another host, or deny it."""
        # a parent proxy resolves names by itself, and may know more names
        resolves = flow.client_conn.proxy_mode.type_name == "regular"
        try:
            address = await resolve_outbound(flow.request.host, flow.request.port)
        except EgressDenied as denied:
            flow.response = http.Response.make(403, f"{denied}\n", {"Content-Type": "text/plain"})
        except OSError as error:
            if resolves:
                message = f"{flow.request.host} cannot be resolved: {error.strerror}\n"
                flow.response = http.Response.make(502, message, {"Content-Type": "text/plain"})
        else:
            if resolves:
                host_header = flow.request.host_header
                flow.request.host = address
                flow.request.host_header = host_header

    # faults

    async def _strike(self, flow: http.HTTPFlow, resource_type: str, verb: str) -> bool:
        """Apply the fault rules that match a request. Return whether one of them responded to it."""
        host = flow.request.pretty_host
        delay = self._faults.hit(("delay",), resource_type, host, verb)
        if delay is not None:
            await asyncio.sleep(delay.seconds)
        rule = self._faults.hit(("throttle", "fail", "drop"), resource_type, host, verb)
        if rule is None:
            return False
        if rule.after:
            flow.metadata["fault"] = rule
            return False
        _apply(flow, rule)
        return True


def _apply(flow: http.HTTPFlow, rule: Rule) -> None:
    """Replace the response to a request by that of a fault rule, or drop the connection."""
    match rule.kind:
        case "drop":
            flow.response = None
            flow.kill()
        case "throttle":
            error = {
                "code": "TooManyRequests",
                "message": f"Number of requests exceeded the limit. Please try again after '{rule.retry_after}' seconds.",
            }
            headers = {"Retry-After": str(rule.retry_after), "x-ms-failure-cause": "gateway"}
            flow.response = _to_flow(json_response(429, {"error": error}, headers))
        case _:
            error = {"code": rule.code, "message": rule.message}
            headers = {"x-ms-failure-cause": "service", "x-ms-error-code": rule.code}
            flow.response = _to_flow(json_response(rule.status, {"error": error}, headers))


def _is_from_container(flow: http.HTTPFlow) -> bool:
    """Return whether a request arrived at the address of this machine in the network of the containers."""
    return not ipaddress.ip_address(flow.client_conn.sockname[0]).is_loopback


def _connection(flow: http.HTTPFlow) -> Connection:
    return Connection(flow.id, flow.client_conn.peername[0])


def _from_flow(flow: http.HTTPFlow) -> Request:
    headers = {name.lower(): value for name, value in flow.request.headers.items()}
    return Request(flow.request.method, flow.request.pretty_url, headers, flow.request.raw_content or b"")


def _to_flow(response: Response) -> http.Response:
    converted = http.Response.make(response.status, response.body, response.headers)
    if response.status == 204 or not response.body:
        converted.headers["Content-Length"] = response.headers.get("Content-Length", "0")  # HEAD: the size of the GET
    return converted
