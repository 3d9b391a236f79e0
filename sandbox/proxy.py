# Copyright (c) 2026, mlops.mlflow_azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The proxy: decides by host name whether a connection is for the sandbox, and who answers it.

Resource Manager, Entra ID, the registries' API and the identity endpoint are answered here; blobs and apps are passed on,
streamed. Every other host is tunnelled with its TLS untouched.
"""

from __future__ import annotations

import asyncio
import ipaddress
import logging
from collections.abc import Callable
from dataclasses import dataclass

from mitmproxy import http, tls

from sandbox.apps.ingress import NOT_READY, REQUEST_SECONDS, Ingress
from sandbox.apps.runtime import APPS, NotServed, Runtime
from sandbox.apps.traffic import Way
from sandbox.arm import manager as arm
from sandbox.arm.manager import ResourceManager
from sandbox.entra import directory, graph
from sandbox.entra.directory import Directory
from sandbox.entra.graph import Graph
from sandbox.entra.identity_endpoint import IdentityEndpoint
from sandbox.faults import Rule
from sandbox.host.egress import EgressRefused, way_out
from sandbox.messages import Request, Response, json_response
from sandbox.portal.site import Portal
from sandbox.registry.blobs import KEY as LAYER_KEY
from sandbox.registry.blobs import PATH as LAYER_PATH
from sandbox.registry.blobs import REGISTRY as LAYER_REGISTRY
from sandbox.registry.blobs import Layers
from sandbox.registry.builds import Builds
from sandbox.registry.content import REGISTRIES, RegistryEndpoint
from sandbox.services import log_stream
from sandbox.services.blob_storage import ACCOUNTS, Blobs
from sandbox.services.blob_storage import SUFFIX as BLOB_SUFFIX
from sandbox.services.key_vault import KeyVaults
from sandbox.services.log_stream import LogStream
from sandbox.store import Resource, Store

LOG = logging.getLogger(__name__)
REGISTRY_SUFFIX = ".azurecr.io"
APP_SUFFIX = ".azurecontainerapps.io"
_NO_APP = b"<html><head><title>Error 404</title></head><body>Error 404 - This Container App is stopped or does not exist.</body></html>"
_DENIED = b"RBAC: access denied"
_FAILED = b'{"error": {"code": "InternalServerError", "message": "The sandbox could not answer this request; its log says why."}}'


@dataclass
class Endpoints:
    """All that the proxy hands requests to."""

    store: Store
    directory: Directory
    manager: ResourceManager
    registry: RegistryEndpoint
    builds: Builds
    blobs: Blobs
    runtime: Runtime
    vaults: KeyVaults
    portal: Portal
    identity: IdentityEndpoint
    graph: Graph
    streams: LogStream
    layers: Layers


class Gateway:
    """The proxy's addon."""

    def __init__(self, endpoints: Endpoints, identity_port: int, portal_port: int) -> None:
        self._to = endpoints
        self._identity_port = identity_port
        self._portal_port = portal_port
        self._limits: dict[str, asyncio.TimerHandle] = {}

    # which connections are ours

    def tls_clienthello(self, data: tls.ClientHelloData) -> None:
        address = data.context.server.address
        host = (data.client_hello.sni or (address[0] if address else "")).lower()
        if not self.serves(host):
            data.ignore_connection = True

    def serves(self, host: str) -> bool:
        """Whether a host is one of Azure's that stands here."""
        return (
            host in (arm.HOST, directory.HOST, graph.HOST, self._to.builds.host)
            or self._account(host) is not None
            or self._registry(host) is not None
            or self._to.vaults.vault(host) is not None
            or self._in_environment(host)
            or host.endswith(log_stream.SUFFIX)
        )

    def _account(self, host: str) -> Resource | None:
        return self._to.store.named(ACCOUNTS, host.removesuffix(BLOB_SUFFIX)) if host.endswith(BLOB_SUFFIX) else None

    def _registry(self, host: str) -> Resource | None:
        return (
            self._to.store.named(REGISTRIES, host.removesuffix(REGISTRY_SUFFIX))
            if host.endswith(REGISTRY_SUFFIX)
            else None
        )

    def _in_environment(self, host: str) -> bool:
        if not host.endswith(APP_SUFFIX):
            return False
        environments = self._to.store.of_type("Microsoft.App/managedEnvironments")
        return any(host.endswith("." + environment.properties["defaultDomain"]) for environment in environments)

    # what containers ask for beside Azure

    async def http_connect(self, flow: http.HTTPFlow) -> None:
        if _is_of_container(flow) and not self.serves(flow.request.host.lower()):
            await self._let_out(flow)

    async def _let_out(self, flow: http.HTTPFlow) -> None:
        """Leads a container's request to where its host is, or refuses it."""
        # Another proxy before this one finds names by itself, and may know more of them.
        finds = flow.client_conn.proxy_mode.type_name == "regular"
        try:
            address = await way_out(flow.request.host, flow.request.port)
        except EgressRefused as refused:
            flow.response = http.Response.make(403, f"{refused}\n", {"Content-Type": "text/plain"})
        except OSError as error:
            if finds:
                said = f"{flow.request.host} cannot be found: {error.strerror}\n"
                flow.response = http.Response.make(502, said, {"Content-Type": "text/plain"})
        else:
            if finds:
                named = flow.request.host_header
                flow.request.host = address
                flow.request.host_header = named

    # requests

    async def requestheaders(self, flow: http.HTTPFlow) -> None:
        port = flow.client_conn.sockname[1]
        if port in (self._identity_port, self._portal_port):
            return
        reverse = flow.client_conn.proxy_mode.type_name == "reverse"
        front = self._front_app(port) if reverse else None
        if front is not None:
            if self._enter_by_front(flow, front, port):
                await self._pass_to_app(flow, Way(front))
            return
        host = flow.request.pretty_host.lower()
        account = self._account(host)
        if account is not None:
            if not await self._strikes(flow, "", flow.request.method):
                await self._pass_to_blobs(flow, self._account(host) or account)
        elif (registry := self._registry(host)) is not None:
            if LAYER_PATH.fullmatch(_from_flow(flow).path) and not await self._strikes(flow, "", flow.request.method):
                self._pass_to_layers(flow, self._registry(host) or registry)
        elif self._in_environment(host):
            way = self._to.runtime.way_to(host)
            if way is None:
                flow.response = http.Response.make(404, _NO_APP, {"Content-Type": "text/html"})
            else:
                await self._pass_to_app(flow, way)
        elif (
            _is_of_container(flow)
            and not reverse
            and not self.serves(host)
            and not self.serves(flow.client_conn.sni or "")
        ):
            await self._let_out(flow)

    async def request(self, flow: http.HTTPFlow) -> None:
        if flow.response is not None or flow.request.stream:
            return
        answer = self._answerer(flow)
        if answer is not None:
            # Stands unless the answer takes its place: a request for Azure must never go on to the real one.
            flow.response = http.Response.make(500, _FAILED, {"Content-Type": "application/json; charset=utf-8"})
            request = _from_flow(flow)
            arms = flow.request.pretty_host.lower() == arm.HOST
            subject = self._to.manager.subject(request) if arms else ("", request.method)
            if not self._is_local(flow) and await self._strikes(flow, *subject):
                return
            answer = self._answerer(flow)  # anew: a rule may have delayed the request, and what it is for has changed
            if answer is None:
                flow.response = http.Response.make(404, _NO_APP, {"Content-Type": "text/html"})
                return
            flow.response = _to_flow(answer(request))
            if (rule := flow.metadata.get("fault")) is not None:
                _strike(flow, rule)
        elif self.serves((flow.client_conn.sni or "").lower()):
            # the connection was made to a host of ours, the Host header names another
            flow.response = http.Response.make(404, _NO_APP, {"Content-Type": "text/html"})

    def responseheaders(self, flow: http.HTTPFlow) -> None:
        if flow.response is not None and flow.metadata.get("passed"):
            rule = flow.metadata.get("fault")
            if rule is None:
                flow.response.stream = True
            elif rule.kind == "drop":
                _strike(flow, rule)

    def _is_local(self, flow: http.HTTPFlow) -> bool:
        return flow.client_conn.sockname[1] in (self._identity_port, self._portal_port)

    async def _strikes(self, flow: http.HTTPFlow, resource_type: str, verb: str) -> bool:
        """Lets the rules of faults strike a request; whether it is answered by that."""
        rules, host = self._to.store.faults, flow.request.pretty_host
        delay = rules.hit(("delay",), resource_type, host, verb)
        if delay is not None:
            await asyncio.sleep(delay.seconds)
        rule = rules.hit(("throttle", "fail", "drop"), resource_type, host, verb)
        if rule is None:
            return False
        if rule.after:
            flow.metadata["fault"] = rule
            return False
        _strike(flow, rule)
        return True

    def _answerer(self, flow: http.HTTPFlow) -> Callable[[Request], Response] | None:
        if flow.client_conn.sockname[1] == self._identity_port:
            return self._to.identity.handle
        if flow.client_conn.sockname[1] == self._portal_port:
            return self._to.portal.handle
        host = flow.request.pretty_host.lower()
        if host == arm.HOST:
            return self._to.manager.handle
        if host == directory.HOST:
            return self._to.directory.handle
        if host.endswith(log_stream.SUFFIX):
            return self._to.streams.handle
        if host == graph.HOST:
            return self._to.graph.handle
        if host == self._to.builds.host:
            return self._to.builds.handle
        registry = self._registry(host)
        if registry is not None:
            return lambda request: self._to.registry.handle(registry, request)
        vault = self._to.vaults.vault(host)
        if vault is not None:
            return lambda request: self._to.vaults.handle(vault, request)
        return None

    def response(self, flow: http.HTTPFlow) -> None:
        if flow.websocket is None:
            self._leave_app(flow)
        if flow.metadata.get("passed") and (rule := flow.metadata.get("fault")) is not None:
            _strike(flow, rule)  # not before: mitmproxy would fill in the body of the answer that is lost

    def websocket_end(self, flow: http.HTTPFlow) -> None:
        self._leave_app(flow)

    def error(self, flow: http.HTTPFlow) -> None:
        self._leave_app(flow)
        if flow.metadata.get("passed") and flow.error is not None:
            LOG.info("%s %s: %s", flow.request.method, flow.request.pretty_host, flow.error.msg)

    # blobs

    async def _pass_to_blobs(self, flow: http.HTTPFlow, account: Resource) -> None:
        await self._to.blobs.settled(account)
        refusal = self._to.blobs.refuse(account, _from_flow(flow))
        port = self._to.blobs.port(account)
        if refusal is not None:
            flow.response = _to_flow(refusal)
        elif port is None:
            flow.response = http.Response.make(503, b"", {"x-ms-error-code": "ServerBusy"})
        else:
            _reroute(flow, "https", "127.0.0.1", port)

    def _pass_to_layers(self, flow: http.HTTPFlow, registry: Resource) -> None:
        refusal = self._to.registry.refuse(registry, _from_flow(flow))
        if refusal is not None:
            flow.response = _to_flow(refusal)
            return
        flow.request.headers[LAYER_KEY] = self._to.layers.key
        flow.request.headers[LAYER_REGISTRY] = registry.name
        _reroute(flow, "http", "127.0.0.1", self._to.layers.port)

    # apps

    def _front_app(self, port: int) -> Resource | None:
        for app in self._to.store.of_type(APPS):
            if app.private.get("front_port") == port:
                return app
        return None

    def _enter_by_front(self, flow: http.HTTPFlow, app: Resource, port: int) -> bool:
        """Makes of a request to the app's local port one to the app's own name, so that its host and origin checks stay strict.

        False, with the answer set, where the port was reached by another name than this machine's: a page elsewhere may make its
        own name point here (DNS rebinding), and must not become the app's own page by that.
        """
        ingress = app.properties["configuration"].get("ingress")
        host = flow.request.headers.get("Host", "").lower()
        if not ingress or host not in (f"127.0.0.1:{port}", f"localhost:{port}"):
            status = 421 if ingress else 404
            flow.response = http.Response.make(status, _NO_APP, {"Content-Type": "text/html"})
            return False
        own = f"http://{host}"
        flow.request.headers["Host"] = ingress["fqdn"]
        for name in ("Origin", "Referer"):
            value = flow.request.headers.get(name)
            if value is not None and (value == own or value.startswith(own + "/")):
                flow.request.headers[name] = f"https://{ingress['fqdn']}" + value[len(own) :]
        return True

    async def _pass_to_app(self, flow: http.HTTPFlow, way: Way) -> None:
        ingress = way.app.properties["configuration"].get("ingress")
        peer = flow.client_conn.peername[0]
        if not ingress or way.app.state == "Deleting":
            flow.response = http.Response.make(404, _NO_APP, {"Content-Type": "text/html"})
            return
        if not permitted(ingress.get("ipSecurityRestrictions") or [], peer):
            flow.response = http.Response.make(403, _DENIED, {"Content-Type": "text/plain"})
            return
        try:
            flow.metadata["revision"], entrance = await self._to.runtime.admit(way, flow.id)
        except NotServed as reason:
            if reason.stopped:
                flow.response = http.Response.make(404, _NO_APP, {"Content-Type": "text/html"})
            else:
                flow.response = http.Response.make(503, NOT_READY, {"Content-Type": "text/plain"})
            return
        flow.request.headers["X-Forwarded-For"] = peer
        flow.request.headers["X-Forwarded-Proto"] = "https"
        _reroute(flow, "http", entrance.address, entrance.port)
        loop = asyncio.get_running_loop()
        self._limits[flow.id] = loop.call_later(REQUEST_SECONDS, self._end_long, flow, entrance)

    def _end_long(self, flow: http.HTTPFlow, entrance: Ingress) -> None:
        """Ends a request that takes longer than Azure lets it."""
        del self._limits[flow.id]
        if flow.websocket is None and flow.server_conn.sockname is not None:
            entrance.expire(flow.server_conn.sockname[:2])

    def _leave_app(self, flow: http.HTTPFlow) -> None:
        if (revision := flow.metadata.get("revision")) is not None:
            self._to.runtime.finished(revision, flow.id)
        if (limit := self._limits.pop(flow.id, None)) is not None:
            limit.cancel()


def _is_of_container(flow: http.HTTPFlow) -> bool:
    """Whether a request came in at the address that this machine has in the network of the containers."""
    return not ipaddress.ip_address(flow.client_conn.sockname[0]).is_loopback


def _strike(flow: http.HTTPFlow, rule: Rule) -> None:
    """Gives a request the answer that a rule of faults wants, or none."""
    if rule.kind == "drop":
        flow.response = None
        flow.kill()
        return
    if rule.kind == "throttle":
        said = {
            "code": "TooManyRequests",
            "message": f"Number of requests exceeded the limit. Please try again after '{rule.retry_after}' seconds.",
        }
        flow.response = _to_flow(
            json_response(429, {"error": said}, {"Retry-After": str(rule.retry_after), "x-ms-failure-cause": "gateway"})
        )
        return
    said = {"code": rule.code, "message": rule.message}
    headers = {"x-ms-failure-cause": "service", "x-ms-error-code": rule.code}
    flow.response = _to_flow(json_response(rule.status, {"error": said}, headers))


def permitted(restrictions: list[dict[str, str]], peer: str) -> bool:
    """Whether an ingress with these restrictions takes a client: allow lists name who may, deny lists who may not."""
    address = ipaddress.ip_address(peer)
    inside = [rule for rule in restrictions if address in ipaddress.ip_network(rule["ipAddressRange"], strict=False)]
    if not restrictions:
        return True
    return bool(inside) == (restrictions[0]["action"].lower() == "allow")


def _reroute(flow: http.HTTPFlow, scheme: str, host: str, port: int) -> None:
    """Passes a request on to a server of ours, keeping the Host that the client meant, body streamed."""
    name = flow.request.headers.get("Host", flow.request.pretty_host)
    flow.request.scheme, flow.request.host, flow.request.port = scheme, host, port
    flow.request.headers["Host"] = name
    flow.request.stream = True
    flow.server_conn.via = None
    flow.metadata["passed"] = True


def _from_flow(flow: http.HTTPFlow) -> Request:
    headers = {name.lower(): value for name, value in flow.request.headers.items()}
    return Request(flow.request.method, flow.request.pretty_url, headers, flow.request.raw_content or b"")


def _to_flow(response: Response) -> http.Response:
    made = http.Response.make(response.status, response.body, response.headers)
    if response.status == 204 or not response.body:
        made.headers["Content-Length"] = response.headers.get("Content-Length", "0")  # of what a GET would bring
    return made
