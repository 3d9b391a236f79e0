# Copyright (c) 2026, mlops.mlflow_azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Requests to Azure Resource Manager through Microsoft's SDK clients, with raw ARM JSON in both directions."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib import import_module
from typing import Any, NamedTuple
from urllib.parse import quote

from .api_versions import API_VERSIONS
from .auth import Connection
from .deadline import Deadline, DeadlineExceeded
from .errors import ArmError, Failure, arm_error, public_url
from .retry import DeadlineRetry, is_busy, retry_after

Json = Any

# Seconds between two polls without a Retry-After (the SDK's own default is 30).
POLLING_INTERVAL = 1
# Codes of a 404 that do not mean an absent resource: the request itself is wrong.
_NOT_ABSENT = frozenset(("SubscriptionNotFound", "InvalidResourceType", "InvalidResourceNamespace"))


class Operations(NamedTuple):
    """An operation group of an SDK client.

    client: "package:Class"; group: the client's attribute; api_version: key of API_VERSIONS.
    """

    client: str
    group: str
    api_version: str


# Any resource by its id, and all resources of a resource group.
ANY_RESOURCE = Operations("azure.mgmt.resource.resources:ResourceManagementClient", "resources", "Microsoft.Resources")


class Submitted(NamedTuple):
    """A request that Azure has accepted. answer: body of the response, {} without one."""

    answer: Json
    client: Any
    response: Any


class _Submission:
    """A polling method of azure-core that only keeps the first response: Arm.wait polls, in this thread."""

    def __init__(self) -> None:
        self.client: Any = None
        self.response: Any = None

    def initialize(self, client: Any, initial_response: Any, _deserialization_callback: Any) -> None:
        self.client, self.response = client, initial_response

    def finished(self) -> bool:
        return True

    def status(self) -> str:
        return "Submitted"

    def resource(self) -> None:
        return None

    def run(self) -> None:
        return None


class Arm:
    """The connection of one task to Azure Resource Manager.

    credential: has azure-core's get_token. transport: of azure-core, None for the network. deadline: the end of all waiting.
    """

    def __init__(self, connection: Connection, credential: Any, deadline: Deadline, transport: Any = None) -> None:
        self.connection = connection
        self.credential = credential
        self.deadline = deadline
        self.transport = transport
        self._clients: dict[tuple[str, str], Any] = {}

    @property
    def subscription(self) -> str:
        """The id of the subscription, with which all ids below it begin."""
        return f"/subscriptions/{self.connection.subscription_id}"

    def get(self, operations: Operations, method: str, *arguments: str, **options: Any) -> Json | None:
        """Return the body of a read; None when the resource, its parent or its resource group is absent."""
        try:
            return self.call(operations, method, *arguments, **options)
        except ArmError as error:
            if is_absent(error):
                return None
            raise

    def call(self, operations: Operations, method: str, *arguments: Any, **options: Any) -> Json:
        """Return the body of the response of a synchronous operation, {} without one. Raise ArmError and Failure."""
        with self._errors(f"{operations.group}.{method}"):
            function = getattr(self._group(operations), method)
            answers: list[Any] = []
            function(*arguments, deadline=self.deadline, raw_response_hook=_collect_into(answers), **options)
            return _json(answers[-1].http_response)

    def request(
        self, operations: Operations, method: str, path: str, api_version: str, body: Json | None = None
    ) -> Json:
        """Return the body of the response of a request without an SDK method, {} without one. Raise ArmError and Failure.

        operations: of a client that has a public send_request. path: below Resource Manager. api_version: key of API_VERSIONS.
        """
        from azure.core.rest import HttpRequest

        with self._errors(f"{method} {path}"):
            url = f"{self.connection.cloud.resource_manager}{quote(path)}"
            request = HttpRequest(method, url, params={"api-version": API_VERSIONS[api_version]}, json=body)
            response = self._client_of(operations).send_request(request, deadline=self.deadline)
            if response.status_code >= 400:
                raise _from_response(response)
            return _json(response)

    def call_all(self, operations: Operations, method: str, *arguments: Any, **options: Any) -> list[Json]:
        """Return the items of all pages of a list operation."""
        with self._errors(f"{operations.group}.{method}"):
            function = getattr(self._group(operations), method)
            answers: list[Any] = []
            hook = _collect_into(answers)
            pages = function(*arguments, deadline=self.deadline, raw_response_hook=hook, **options).by_page()
            for page in pages:
                list(page)
            return [item for answer in answers for item in _json(answer.http_response).get("value", [])]

    def submit(
        self, operations: Operations, method: str, *arguments: Any, body: Json | None = None, **options: Any
    ) -> Submitted:
        """Send a create, update or delete. A method that begins with C(begin_) may start a long-running operation."""
        content = [] if body is None else [json.dumps(body).encode()]
        if not method.startswith("begin_"):
            return Submitted(self.call(operations, method, *arguments, *content, **options), None, None)
        submission = _Submission()
        with self._errors(f"{operations.group}.{method}"):
            function = getattr(self._group(operations), method)
            hook = _collect_into([])
            function(
                *arguments, *content, polling=submission, deadline=self.deadline, raw_response_hook=hook, **options
            )
            answer = _json(submission.response.http_response)
        return Submitted(answer, submission.client, submission.response)

    def wait(self, submitted: Submitted, label: str) -> None:
        """Poll until the operation has ended. Raise ArmError when it failed, Failure at the deadline."""
        if submitted.response is None:
            return
        from azure.core.polling.base_polling import BadResponse, BadStatus, OperationFailed
        from azure.mgmt.core.polling.arm_polling import ARMPolling

        last = [submitted.response]
        url = _operation_url(submitted.response.http_response)
        polling: Any = ARMPolling(
            POLLING_INTERVAL,
            path_format_arguments={"endpoint": self.connection.cloud.resource_manager},
            deadline=self.deadline,
            raw_response_hook=_collect_into(last),
        )
        try:
            with self._errors(label):
                polling.initialize(submitted.client, submitted.response, lambda response: response)
                while not polling.finished():
                    polling.update_status()
                    if not polling.finished():
                        self.deadline.pause(retry_after(last[-1].http_response) or POLLING_INTERVAL)
        except DeadlineExceeded as error:
            raise self.timeout_failure(label, url) from error
        except (BadStatus, BadResponse, OperationFailed) as error:
            raise _failed_operation(last[-1].http_response) from error
        if str(polling.status()).lower() in ("failed", "canceled", "cancelled"):
            raise _failed_operation(last[-1].http_response)

    def wait_until_settled(
        self, read: Callable[[], Json | None], pending: Callable[[Json], bool], label: str
    ) -> Json | None:
        """Read until the resource is no longer pending. Raise Failure at the deadline."""
        waited = 0.0
        while True:
            resource = read()
            if resource is None or not pending(resource):
                return resource
            # At most a tenth of the waiting time is lost after the operation has ended.
            pause = min(max(waited / 10, 0.5), 5.0)
            try:
                self.deadline.pause(pause)
            except DeadlineExceeded as error:
                raise self.timeout_failure(label, None) from error
            waited += pause

    def timeout_failure(self, label: str, url: str | None) -> Failure:
        """Return the failure that names the operation that is still running."""
        return Failure(
            f"{label} has not finished within wait_timeout ({self.deadline.seconds:g} s). Azure continues it: run the "
            "task again to wait for it, or raise wait_timeout." + (f" Operation: {url}" if url else ""),
            operation=url,
        )

    def _group(self, operations: Operations) -> Any:
        return getattr(self._client_of(operations), operations.group)

    def _client_of(self, operations: Operations) -> Any:
        client = self._clients.get((operations.client, operations.api_version))
        if client is None:
            client = self._client(operations)
            self._clients[(operations.client, operations.api_version)] = client
        return client

    def _client(self, operations: Operations) -> Any:
        from azure.core.pipeline import policies
        from azure.mgmt.core.policies import ARMChallengeAuthenticationPolicy

        cloud = self.connection.cloud
        package, name = operations.client.split(":")
        chain = [
            policies.RequestIdPolicy(),
            policies.HeadersPolicy(),
            policies.UserAgentPolicy("ansible-mlops.mlflow_azure"),
            policies.ProxyPolicy(),
            policies.CustomHookPolicy(),
            policies.ContentDecodePolicy(),
            DeadlineRetry(),
            ARMChallengeAuthenticationPolicy(self.credential, cloud.resource_manager_scope),
        ]
        options = {} if self.transport is None else {"transport": self.transport}
        return getattr(import_module(package), name)(
            self.credential,
            self.connection.subscription_id,
            base_url=cloud.resource_manager,
            credential_scopes=[cloud.resource_manager_scope],
            api_version=API_VERSIONS[operations.api_version],
            policies=chain,
            **options,
        )

    @contextmanager
    def _errors(self, label: str) -> Iterator[None]:
        from azure.core.exceptions import AzureError, HttpResponseError

        try:
            yield
        except HttpResponseError as error:
            if error.response is None:
                raise Failure(f"{label}: {error}") from error
            raise _from_response(error.response) from error
        except (AzureError, ValueError) as error:
            # ValueError: the response is not JSON, as the page of a proxy.
            raise Failure(
                f"No usable answer from {self.connection.cloud.resource_manager} ({label}): {error} "
                "Check the network, HTTPS_PROXY and REQUESTS_CA_BUNDLE."
            ) from error


def is_absent(error: ArmError) -> bool:
    """Return whether the error means that a resource, its parent or its resource group is absent."""
    return error.status == 404 and error.code not in _NOT_ABSENT


def retry_while_busy(deadline: Deadline, attempt: Callable[[], Json]) -> Json:
    """Repeat a write whose operation failed in a conflict with another one, as operations of Azure SQL do.

    DeadlineRetry repeats a request that is refused at once.
    """
    backoff = deadline.backoff(2.0, 15.0)
    while True:
        try:
            return attempt()
        except ArmError as error:
            busy = error.status == 0 and is_busy(error.code, error.message)
            if not busy or deadline.remaining() <= backoff.seconds:
                raise
        backoff.pause()


def _collect_into(answers: list[Any]) -> Callable[[Any], None]:
    """Return a response hook that keeps the final response. Raise ArmError before the SDK parses an error that may not be JSON."""

    def keep(response: Any) -> None:
        if response.http_response.status_code >= 400:
            raise _from_response(response.http_response)
        answers.append(response)

    return keep


def _json(response: Any) -> Json:
    text = _text(response)
    try:
        return json.loads(text) if text.strip() else {}
    except ValueError:
        return {}


def _text(response: Any) -> str:
    if hasattr(response, "read"):
        response.read()
    return str(response.text())


def _from_response(response: Any) -> ArmError:
    request = response.request
    return arm_error(response.status_code, _text(response), response.headers, request.method, request.url)


def _failed_operation(response: Any) -> ArmError:
    error = _from_response(response)
    error.status = 0
    if error.code.startswith("HTTP "):
        body = _json(response)
        state = (body.get("properties") or {}).get("provisioningState") or body.get("status") or "Failed"
        error.code, error.message = "OperationFailed", f"the operation ended as {state}; Azure gave no reason."
    return error


def _operation_url(response: Any) -> str | None:
    url = response.headers.get("Azure-AsyncOperation") or response.headers.get("Location")
    return public_url(url) if url else None
