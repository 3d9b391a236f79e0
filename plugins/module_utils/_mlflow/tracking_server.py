# Copyright (c) 2026, mlops.mlflow_azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The MLflow server of a round trip.

MLflow is imported inside the functions that use it: it reads its settings from the environment at import.
"""

from __future__ import annotations

import hashlib
import logging
import os
import re
import secrets
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, ParamSpec, TypeVar

from .._core.deadline import Deadline
from .._core.errors import Failure
from .content import ARTIFACT, ARTIFACT_ITEM, Content, Loss, compare

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities import Experiment, Run, Trace

# The tag of written objects: the name of the option on the experiment, the digest of the content on the run and the trace.
MARK = "mlflow_azure.roundtrip"
RETRIES = 3
Arguments = ParamSpec("Arguments")
Result = TypeVar("Result")


class TrackingServer:
    """The requests of a round trip to one MLflow server, through MLflow's client. deadline: of all requests together."""

    def __init__(self, client: MlflowClient, tracking_uri: str, deadline: Deadline) -> None:
        self._client = client
        self._uri = tracking_uri
        self._deadline = deadline

    def find(self, name: str) -> list[Experiment]:
        """Return the experiments that were written under that name and not deleted: none or one, unless another client interfered."""
        quoted = name.replace("'", "''")
        return self._pages(
            "look for the experiment",
            lambda token: self._client.search_experiments(
                filter_string=f"tags.`{MARK}` = '{quoted}'", page_token=token
            ),
        )

    def find_run(self, experiments: list[Experiment], sample: Content) -> tuple[Experiment, Run] | None:
        """Return the run to which the whole content was written, with its experiment. Compare the mark, not each item."""
        for experiment in experiments:
            for run in self._runs(experiment):
                if run.data.tags.get(MARK) == sample.digest:
                    return experiment, run
        return None

    def write(self, name: str, sample: Content) -> dict[str, Any]:
        """Write the content into a new experiment.

        Return experiment_id, run_id and trace_id. Raise Failure with `lost` for the items that could not be stored.
        """
        from mlflow.entities import Metric, Param, RunTag

        client = self._client
        # MLflow does not reuse the name of a deleted experiment.
        full_name = f"{name}-{secrets.token_hex(4)}"
        experiment_id: str = self._call("create the experiment", client.create_experiment, full_name, tags={MARK: name})
        run = self._call("create a run", client.create_run, experiment_id, run_name=sample.run_name)
        run_id = run.info.run_id
        metrics = [
            Metric(key, value, run.info.start_time + step, step)
            for key, values in sample.metrics.items()
            for step, value in enumerate(values)
        ]
        params = [Param(key, value) for key, value in sample.parameters.items()]
        tags = [RunTag(key, value) for key, value in sample.tags.items()]
        self._call("store parameters, metrics and tags", client.log_batch, run_id, metrics, params, tags)

        expected = sample.items()
        losses = []
        failed = self._store_artifact(run, sample)
        if failed:
            losses.append(Loss(ARTIFACT_ITEM, expected[ARTIFACT_ITEM], None, failed.error, failed.status))
        trace_id, failed = self._store_trace(experiment_id, run_id, sample)
        if failed:
            losses += [
                Loss(item, value, None, failed.error, failed.status)
                for item, value in expected.items()
                if item.startswith("trace ")
            ]
        if losses:
            raise _failure(self._uri, "could not store", name, losses, len(expected))
        self._call("finish the run", client.set_terminated, run_id)
        # The mark comes last: it confirms that all writes before it succeeded.
        self._call("mark the run", client.set_tag, run_id, MARK, sample.digest)
        return {"experiment_id": experiment_id, "run_id": run_id, "trace_id": trace_id}

    def verify(self, experiments: list[Experiment], name: str, sample: Content) -> dict[str, Any]:
        """Read the content back. Return experiment_id, run_id and trace_id. Raise Failure with `lost` for items that differ."""
        expected = sample.items()
        location = self.find_run(experiments, sample)
        if location is None:
            absent = "experiment" if not experiments else "run"
            losses = [Loss(absent, name), *(Loss(item, value) for item, value in expected.items())]
            raise _failure(self._uri, "lost", name, losses, len(losses))
        experiment, run = location
        current = self._read_run(run, sample)
        errors: dict[str, Loss] = {}
        try:
            current.update(self._read_artifact(run))
        except Failure as failure:
            status, text = self._error_response("GET", run) or (failure.fields["status"], failure.fields["error"])
            errors["artifact"] = Loss("artifact", None, None, text, status)
        trace: Trace | None = None
        try:
            traces = [trace for trace in self._traces(experiment) if trace.info.tags.get(MARK) == sample.digest]
            trace = traces[0] if traces else None
        except Failure as failure:
            errors["trace"] = Loss("trace", None, None, failure.fields["error"], failure.fields["status"])
        if trace is not None:
            current.update(_items_of_trace(trace))
        losses = compare(expected, current, errors)
        if losses:
            raise _failure(self._uri, "lost", name, losses, len(expected))
        return {
            "experiment_id": experiment.experiment_id,
            "run_id": run.info.run_id,
            "trace_id": trace.info.trace_id if trace else None,
        }

    def remove(self, experiments: list[Experiment]) -> None:
        """Delete the experiments with all their content."""
        from mlflow.store.artifact.artifact_repository_registry import get_artifact_repository

        client = self._client
        for experiment in experiments:
            experiment_id = experiment.experiment_id
            ids = [trace.info.trace_id for trace in self._traces(experiment)]
            for first in range(0, len(ids), 100):
                some = ids[first : first + 100]
                self._call("delete the traces", client.delete_traces, experiment_id, trace_ids=some)
            for run in self._runs(experiment):
                repository = get_artifact_repository(run.info.artifact_uri)
                try:
                    self._call("delete the artifact", repository.delete_artifacts)
                except Failure:
                    # A stored artifact must be deleted. One that could not be stored can not be deleted either.
                    if MARK in run.data.tags:
                        raise
                self._call("delete the run", client.delete_run, run.info.run_id)
            self._call("delete the experiment", client.delete_experiment, experiment_id)

    def _store_artifact(self, run: Run, sample: Content) -> Loss | None:
        with tempfile.TemporaryDirectory(prefix="mlflow-roundtrip-") as directory:
            path = Path(directory, ARTIFACT)
            path.write_bytes(sample.artifact())
            try:
                self._call("store the artifact", self._client.log_artifact, run.info.run_id, str(path))
            except Failure as failure:
                status, text = self._error_response("PUT", run) or (failure.fields["status"], failure.fields["error"])
                return Loss("artifact", None, None, text, status)
        return None

    def _error_response(self, method: str, run: Run) -> tuple[int, str] | None:
        """Return status and text of the error that the server returns for the run's artifact, None without an error.

        method: GET, or PUT of an empty artifact. MLflow's client keeps no text of a response that it has retried, and no
        response of a failed download.
        """
        import requests
        from mlflow.exceptions import MlflowException
        from mlflow.store.artifact.artifact_repository_registry import get_artifact_repository
        from mlflow.store.artifact.mlflow_artifacts_repo import MlflowArtifactsRepository
        from mlflow.utils.rest_utils import http_request

        repository = get_artifact_repository(run.info.artifact_uri)
        if not isinstance(repository, MlflowArtifactsRepository):
            return None
        try:
            response = http_request(  # type: ignore[no-untyped-call]
                repository._host_creds,
                f"/{ARTIFACT}",
                method,
                data=b"" if method == "PUT" else None,
                stream=True,
                max_retries=0,
                raise_on_status=False,
                timeout=max(1, int(self._deadline.remaining())),
            )
        except (MlflowException, requests.RequestException):
            return None
        with response:
            return None if response.ok else (response.status_code, _one_line(response.text) or response.reason)

    def _store_trace(self, experiment_id: str, run_id: str, sample: Content) -> tuple[str | None, Loss | None]:
        client = self._client

        def log() -> str:
            span = client.start_trace(
                "roundtrip",
                span_type="CHAT_MODEL",
                inputs={"messages": [{"role": "user", "content": sample.prompt}]},
                # The signature demands text values; MLflow's own examples pass this dict.
                attributes={"mlflow.chat.tokenUsage": dict(sample.usage)},  # type: ignore[dict-item]
                tags={MARK: sample.digest},
                experiment_id=experiment_id,
                run_id=run_id,
            )
            client.end_trace(
                span.trace_id,
                outputs={"choices": [{"message": {"role": "assistant", "content": sample.response}}]},
            )
            return str(span.trace_id)

        # The client only logs a warning when the server refuses a trace.
        with _warnings_of_mlflow() as warnings:
            try:
                trace_id = self._call("store the trace", log)
                self._call("read the trace", client.get_trace, trace_id, display=False)
            except Failure as failure:
                message = _one_line(" ".join(warnings)) or failure.fields["error"]
                return None, Loss("trace", None, None, message, failure.fields["status"] or _status_in(message))
        return trace_id, None

    def _read_run(self, run: Run, sample: Content) -> dict[str, Any]:
        items: dict[str, Any] = {"run status": run.info.status, "run name": run.info.run_name}
        items.update({f"parameter {name}": value for name, value in run.data.params.items()})
        items.update({f"tag {name}": value for name, value in run.data.tags.items()})
        for name in sample.metrics:
            history = self._call("read the metrics", self._client.get_metric_history, run.info.run_id, name)
            if history:
                items[f"metric {name}"] = [metric.value for metric in sorted(history, key=lambda metric: metric.step)]
        return items

    def _read_artifact(self, run: Run) -> dict[str, Any]:
        with tempfile.TemporaryDirectory(prefix="mlflow-roundtrip-") as directory:
            path = self._call(
                "read the artifact", self._client.download_artifacts, run.info.run_id, ARTIFACT, dst_path=directory
            )
            digest = hashlib.sha256()
            size = 0
            with Path(path).open("rb") as file:
                while block := file.read(1 << 20):
                    digest.update(block)
                    size += len(block)
        return {ARTIFACT_ITEM: f"{size} bytes, sha256 {digest.hexdigest()}"}

    def _runs(self, experiment: Experiment) -> list[Run]:
        ids = [experiment.experiment_id]
        return self._pages("look for runs", lambda token: self._client.search_runs(ids, page_token=token))

    def _traces(self, experiment: Experiment) -> list[Trace]:
        ids = [experiment.experiment_id]
        return self._pages("look for traces", lambda token: self._client.search_traces(locations=ids, page_token=token))

    def _pages(self, action: str, page: Callable[[str | None], Any]) -> list[Any]:
        items: list[Any] = []
        token: str | None = None
        while True:
            part = self._call(action, page, token)
            items += part
            token = part.token
            if not token:
                return items

    def _call(
        self, action: str, call: Callable[Arguments, Result], *args: Arguments.args, **kwargs: Arguments.kwargs
    ) -> Result:
        """Call MLflow's client within the remaining time. Raise Failure with `error` and `status`."""
        import requests
        from mlflow.exceptions import MlflowException

        remaining = self._deadline.remaining()
        if remaining <= 0:
            raise Failure(
                f"MLflow at {self._uri}: no time left to {action}: timeout is {self._deadline.seconds:g} seconds. "
                "Look at the server's log, or raise timeout.",
                error=f"no time left to {action}",
                status=None,
            )
        # Per attempt, since the client has no limit for all attempts.
        os.environ["MLFLOW_HTTP_REQUEST_TIMEOUT"] = str(max(1, int(remaining / (RETRIES + 1))))
        try:
            return call(*args, **kwargs)
        except (MlflowException, requests.RequestException, OSError) as error:
            status, text = status_and_text(error)
            message = f"HTTP {status}: {text}" if status else text
            raise Failure(f"MLflow at {self._uri}: could not {action}: {message}", error=text, status=status) from error


def status_and_text(error: Exception) -> tuple[int | None, str]:
    """Return the HTTP status of an error, None without a response, and its text in one line of at most 500 characters."""
    response = getattr(error, "response", None)
    if response is not None:
        return response.status_code, _one_line(response.text) or response.reason or str(error)
    text = _one_line(str(error))
    status = _status_in(text)
    if status is None and type(error).__name__ == "RestException":
        status = int(error.get_http_status_code())  # type: ignore[attr-defined]
    return status, text


def open_server(tracking_uri: str, deadline: Deadline) -> TrackingServer:
    """Import MLflow and return its server. The environment of the process must be client_environment() already."""
    import mlflow
    from mlflow import MlflowClient

    mlflow.set_tracking_uri(tracking_uri)
    return TrackingServer(MlflowClient(tracking_uri), tracking_uri, deadline)


def _items_of_trace(trace: Trace) -> dict[str, Any]:
    items: dict[str, Any] = {}
    span = trace.data.spans[0] if trace.data.spans else None
    if span is not None:
        items["trace prompt"] = _dig(span.inputs, "messages", 0, "content")
        items["trace response"] = _dig(span.outputs, "choices", 0, "message", "content")
    usage = trace.info.token_usage
    if usage:
        items["trace token usage"] = dict(usage)
    return {item: value for item, value in items.items() if value is not None}


def _dig(value: Any, *path: str | int) -> Any:
    for key in path:
        if isinstance(key, int):
            value = value[key] if isinstance(value, list) and len(value) > key else None
        else:
            value = value.get(key) if isinstance(value, dict) else None
    return value


def _failure(uri: str, verb: str, name: str, losses: list[Loss], total: int) -> Failure:
    items = "; ".join(str(loss) for loss in losses)
    return Failure(
        f"MLflow at {uri} {verb} {len(losses)} of {total} items of experiment {name!r}: {items}",
        lost=[loss.as_dict() for loss in losses],
    )


def _status_in(text: str) -> int | None:
    match = re.search(r"(?:error code|too many|status code:?) ([45]\d\d)\b", text)
    return int(match.group(1)) if match else None


def _one_line(text: str) -> str:
    return " ".join(text.split())[:500]


class _MessageList(logging.Handler):
    """A log handler that keeps the messages of warnings."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.messages: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.messages.append(record.getMessage())


@contextmanager
def _warnings_of_mlflow() -> Iterator[list[str]]:
    handler = _MessageList()
    logger = logging.getLogger("mlflow")
    logger.addHandler(handler)
    try:
        yield handler.messages
    finally:
        logger.removeHandler(handler)
