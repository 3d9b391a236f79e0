# Copyright (c) 2026, mlops.mlflow_azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What an MLflow server is given to keep, and whether it kept it.

The content follows from the name of the experiment, so who reads it back needs no record of what was written.
MLflow is imported inside the functions that talk to it: it reads its settings from the environment at import.
"""

from __future__ import annotations

import hashlib
import logging
import os
import re
import secrets
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, ParamSpec, TypeVar

from .._core.deadline import Deadline
from .._core.errors import Failure

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities import Experiment, Run, Trace

# The tag on what was written: the given name on the experiment, the digest of the content on the run and the trace.
MARK = "mlflow_azure.roundtrip"

_ARTIFACT = "roundtrip.bin"
_RETRIES = 3
# What says who is asking, and how the server's certificate is checked. All else of MLflow's settings in the
# controller's environment is somebody else's: a sampling ratio, a run id, a collector for traces.
_KEPT = re.compile(
    r"MLFLOW_(TRACKING_(USERNAME|PASSWORD|TOKEN|AUTH|INSECURE_TLS|SERVER_CERT_PATH|CLIENT_CERT_PATH)|WORKSPACE)"
)

Arguments = ParamSpec("Arguments")
Result = TypeVar("Result")


@dataclass(frozen=True)
class Lost:
    """One thing that is not as it was written.

    what: its name. expected, found: JSON values, found None where there is nothing. error: why it could not be
    written or read, as the server put it; status: its HTTP status, None without an answer.
    """

    what: str
    expected: Any
    found: Any = None
    error: str | None = None
    status: int | None = None

    def as_dict(self) -> dict[str, Any]:
        return {
            "what": self.what,
            "expected": self.expected,
            "found": self.found,
            "error": self.error,
            "status": self.status,
        }

    def __str__(self) -> str:
        if self.error:
            status = f"HTTP {self.status}: " if self.status else ""
            return f"{self.what} ({status}{self.error})"
        if self.found is None:
            return f"{self.what} (gone)"
        return f"{self.what} (expected {_shown(self.expected)}, found {_shown(self.found)})"


@dataclass(frozen=True)
class Content:
    """What is written: parameters and tags of the run, the values of each metric step by step, a file and a trace.

    digest: names this content. usage: input, output and total tokens.
    """

    digest: str
    parameters: Mapping[str, str]
    metrics: Mapping[str, list[float]]
    tags: Mapping[str, str]
    artifact_size: int
    artifact_seed: str
    prompt: str
    response: str
    usage: Mapping[str, int]

    def artifact(self) -> bytes:
        """The bytes of the artifact: without any pattern, so that nothing compresses them, and the same every time."""
        return hashlib.shake_256(self.artifact_seed.encode()).digest(self.artifact_size)

    def items(self) -> dict[str, Any]:
        """Everything that must be there, by the name under which its loss is reported."""
        return {
            "run status": "FINISHED",
            **{f"parameter {name}": value for name, value in self.parameters.items()},
            **{f"metric {name}": values for name, values in self.metrics.items()},
            **{f"tag {name}": value for name, value in self.tags.items()},
            f"artifact {_ARTIFACT}": f"{self.artifact_size} bytes, sha256 {hashlib.sha256(self.artifact()).hexdigest()}",
            "trace prompt": self.prompt,
            "trace response": self.response,
            "trace token usage": dict(self.usage),
        }


def content(experiment: str, artifact_size: int, text: str) -> Content:
    """The content for an experiment of that name. artifact_size: bytes. text: a sample of the writing in use."""
    digest = hashlib.sha256(f"{experiment}\0{artifact_size}\0{text}".encode()).hexdigest()[:16]
    number = int(digest[:8], 16)
    input_tokens, output_tokens = 20 + number % 80, 100 + number % 400
    return Content(
        digest=digest,
        parameters={"learning_rate": f"0.{number}", "text": text},
        metrics={"loss": [1 / (step + 1 + number % 7) for step in range(5)], "accuracy": [number / 2**32]},
        tags={"roundtrip.text": text},
        artifact_size=artifact_size,
        artifact_seed=digest,
        prompt=f"What did {experiment} write? {text}",
        response=f"{digest}, and {text}",
        usage={
            "input_tokens": input_tokens,
            "output_tokens": output_tokens,
            "total_tokens": input_tokens + output_tokens,
        },
    )


def client_environment(environment: Mapping[str, str], tracking_uri: str) -> dict[str, str]:
    """The environment in which MLflow's client does what is asked of it here, made from the given one.

    Proxies, certificate bundles and MLflow's credentials stay. OpenTelemetry's variables go: with them in place
    MLflow sends traces to a collector instead of the server.
    """
    kept = {
        name: value
        for name, value in environment.items()
        if not name.startswith(("OTEL_", "MLFLOW_", "_MLFLOW_")) or _KEPT.fullmatch(name)
    }
    return {
        **kept,
        "MLFLOW_TRACKING_URI": tracking_uri,
        "MLFLOW_DISABLE_TELEMETRY": "true",
        "MLFLOW_ENABLE_ASYNC_TRACE_LOGGING": "false",
        "MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR": "false",
        "MLFLOW_HTTP_REQUEST_MAX_RETRIES": str(_RETRIES),
        "MLFLOW_HTTP_REQUEST_BACKOFF_FACTOR": "1",
        "GIT_PYTHON_REFRESH": "quiet",
    }


def compare(expected: Mapping[str, Any], found: Mapping[str, Any], errors: Mapping[str, Lost]) -> list[Lost]:
    """What is in expected and not the same in found, in the order of expected.

    errors: by the first word of what they concern ("run", "artifact", "trace"), what went wrong in reading.
    """
    lost = []
    for what, value in expected.items():
        if what in found and found[what] == value:
            continue
        error = errors.get(what.split(" ", 1)[0])
        lost.append(Lost(what, value, found.get(what), error.error if error else None, error.status if error else None))
    return lost


class Server:
    """The conversation with one MLflow server by its client. deadline bounds it all."""

    def __init__(self, client: MlflowClient, tracking_uri: str, deadline: Deadline) -> None:
        self._client = client
        self._uri = tracking_uri
        self._deadline = deadline

    def find(self, name: str) -> list[Experiment]:
        """The experiments that were written under that name and not deleted: none or one, unless somebody interfered."""
        quoted = name.replace("'", "''")
        return self._pages(
            "look for the experiment",
            lambda token: self._client.search_experiments(
                filter_string=f"tags.`{MARK}` = '{quoted}'", page_token=token
            ),
        )

    def written(self, experiments: list[Experiment], sample: Content) -> tuple[Experiment, Run] | None:
        """Where the whole content was written, or None. Looks at its mark, not at each thing."""
        for experiment in experiments:
            for run in self._runs(experiment):
                if run.data.tags.get(MARK) == sample.digest:
                    return experiment, run
        return None

    def write(self, name: str, sample: Content) -> dict[str, Any]:
        """Write the content into a new experiment.

        Returns experiment_id, run_id, trace_id. Raises Failure with `lost` for what could not be stored.
        """
        from mlflow.entities import Metric, Param, RunTag

        client = self._client
        # MLflow gives the name of a deleted experiment to nobody else.
        full_name = f"{name}-{secrets.token_hex(4)}"
        experiment_id: str = self._ask("create the experiment", client.create_experiment, full_name, tags={MARK: name})
        run = self._ask("create a run", client.create_run, experiment_id, run_name="roundtrip")
        run_id = run.info.run_id
        metrics = [
            Metric(key, value, run.info.start_time + step, step)
            for key, values in sample.metrics.items()
            for step, value in enumerate(values)
        ]
        params = [Param(key, value) for key, value in sample.parameters.items()]
        tags = [RunTag(key, value) for key, value in sample.tags.items()]
        self._ask("store parameters, metrics and tags", client.log_batch, run_id, metrics, params, tags)

        expected = sample.items()
        lost = []
        failed = self._store_artifact(run, sample)
        if failed:
            what = f"artifact {_ARTIFACT}"
            lost.append(Lost(what, expected[what], None, failed.error, failed.status))
        trace_id, failed = self._store_trace(experiment_id, run_id, sample)
        if failed:
            lost += [
                Lost(what, value, None, failed.error, failed.status)
                for what, value in expected.items()
                if what.startswith("trace ")
            ]
        if lost:
            raise _failure(self._uri, "could not store", name, lost, len(expected))
        self._ask("finish the run", client.set_terminated, run_id)
        # Last of all, for it says that everything before it has been done.
        self._ask("mark the run", client.set_tag, run_id, MARK, sample.digest)
        return {"experiment_id": experiment_id, "run_id": run_id, "trace_id": trace_id}

    def verify(self, experiments: list[Experiment], name: str, sample: Content) -> dict[str, Any]:
        """Read the content back. Returns experiment_id, run_id, trace_id. Raises Failure with `lost`."""
        expected = sample.items()
        place = self.written(experiments, sample)
        if place is None:
            gone = "experiment" if not experiments else "run"
            lost = [Lost(gone, name), *(Lost(what, value) for what, value in expected.items())]
            raise _failure(self._uri, "lost", name, lost, len(lost))
        experiment, run = place
        found = self._found_in_run(run, sample)
        errors: dict[str, Lost] = {}
        try:
            found.update(self._found_artifact(run))
        except Failure as failure:
            status, text = self._own_words("GET", run) or (failure.fields["status"], failure.fields["error"])
            errors["artifact"] = Lost("artifact", None, None, text, status)
        trace: Trace | None = None
        try:
            traces = [trace for trace in self._traces(experiment) if trace.info.tags.get(MARK) == sample.digest]
            trace = traces[0] if traces else None
        except Failure as failure:
            errors["trace"] = Lost("trace", None, None, failure.fields["error"], failure.fields["status"])
        if trace is not None:
            found.update(_found_in_trace(trace))
        lost = compare(expected, found, errors)
        if lost:
            raise _failure(self._uri, "lost", name, lost, len(expected))
        return {
            "experiment_id": experiment.experiment_id,
            "run_id": run.info.run_id,
            "trace_id": trace.info.trace_id if trace else None,
        }

    def remove(self, experiments: list[Experiment]) -> None:
        """Delete the experiments with all that is in them."""
        from mlflow.store.artifact.artifact_repository_registry import get_artifact_repository

        client = self._client
        for experiment in experiments:
            experiment_id = experiment.experiment_id
            ids = [trace.info.trace_id for trace in self._traces(experiment)]
            for first in range(0, len(ids), 100):
                some = ids[first : first + 100]
                self._ask("delete the traces", client.delete_traces, experiment_id, trace_ids=some)
            for run in self._runs(experiment):
                repository = get_artifact_repository(run.info.artifact_uri)
                try:
                    self._ask("delete the artifact", repository.delete_artifacts)
                except Failure:
                    # One that was stored must not be forgotten. One that could not be stored can not be deleted either.
                    if MARK in run.data.tags:
                        raise
                self._ask("delete the run", client.delete_run, run.info.run_id)
            self._ask("delete the experiment", client.delete_experiment, experiment_id)

    def _store_artifact(self, run: Run, sample: Content) -> Lost | None:
        with tempfile.TemporaryDirectory(prefix="mlflow-roundtrip-") as directory:
            path = Path(directory, _ARTIFACT)
            path.write_bytes(sample.artifact())
            try:
                self._ask("store the artifact", self._client.log_artifact, run.info.run_id, str(path))
            except Failure as failure:
                status, text = self._own_words("PUT", run) or (failure.fields["status"], failure.fields["error"])
                return Lost("artifact", None, None, text, status)
        return None

    def _own_words(self, method: str, run: Run) -> tuple[int, str] | None:
        """What the server answers when the run's artifact is asked for, or an empty one put; None if nothing is wrong.

        The client keeps no text of an answer that it has retried, and of a failed download no answer at all.
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
            answer = http_request(  # type: ignore[no-untyped-call]
                repository._host_creds,
                f"/{_ARTIFACT}",
                method,
                data=b"" if method == "PUT" else None,
                stream=True,
                max_retries=0,
                raise_on_status=False,
                timeout=max(1, int(self._deadline.remaining())),
            )
        except (MlflowException, requests.RequestException):
            return None
        with answer:
            return None if answer.ok else (answer.status_code, _one_line(answer.text) or answer.reason)

    def _store_trace(self, experiment_id: str, run_id: str, sample: Content) -> tuple[str | None, Lost | None]:
        client = self._client

        def log() -> str:
            span = client.start_trace(
                "roundtrip",
                span_type="CHAT_MODEL",
                inputs={"messages": [{"role": "user", "content": sample.prompt}]},
                # Its signature says that values are texts; its own examples have this dict.
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

        # The client logs a warning where a trace is refused, and goes on.
        with _warnings_of_mlflow() as warnings:
            try:
                trace_id = self._ask("store the trace", log)
                self._ask("read the trace", client.get_trace, trace_id, display=False)
            except Failure as failure:
                said = _one_line(" ".join(warnings)) or failure.fields["error"]
                return None, Lost("trace", None, None, said, failure.fields["status"] or _status_in(said))
        return trace_id, None

    def _found_in_run(self, run: Run, sample: Content) -> dict[str, Any]:
        found: dict[str, Any] = {"run status": run.info.status}
        found.update({f"parameter {name}": value for name, value in run.data.params.items()})
        found.update({f"tag {name}": value for name, value in run.data.tags.items()})
        for name in sample.metrics:
            history = self._ask("read the metrics", self._client.get_metric_history, run.info.run_id, name)
            if history:
                found[f"metric {name}"] = [metric.value for metric in sorted(history, key=lambda metric: metric.step)]
        return found

    def _found_artifact(self, run: Run) -> dict[str, Any]:
        with tempfile.TemporaryDirectory(prefix="mlflow-roundtrip-") as directory:
            path = self._ask(
                "read the artifact", self._client.download_artifacts, run.info.run_id, _ARTIFACT, dst_path=directory
            )
            digest = hashlib.sha256()
            size = 0
            with Path(path).open("rb") as file:
                while block := file.read(1 << 20):
                    digest.update(block)
                    size += len(block)
        return {f"artifact {_ARTIFACT}": f"{size} bytes, sha256 {digest.hexdigest()}"}

    def _runs(self, experiment: Experiment) -> list[Run]:
        ids = [experiment.experiment_id]
        return self._pages("look for runs", lambda token: self._client.search_runs(ids, page_token=token))

    def _traces(self, experiment: Experiment) -> list[Trace]:
        ids = [experiment.experiment_id]
        return self._pages("look for traces", lambda token: self._client.search_traces(locations=ids, page_token=token))

    def _pages(self, what: str, page: Callable[[str | None], Any]) -> list[Any]:
        found: list[Any] = []
        token: str | None = None
        while True:
            some = self._ask(what, page, token)
            found += some
            token = some.token
            if not token:
                return found

    def _ask(
        self, what: str, call: Callable[Arguments, Result], *args: Arguments.args, **kwargs: Arguments.kwargs
    ) -> Result:
        """Call MLflow's client in what is left of the time. Raises Failure with `error` and `status`."""
        import requests
        from mlflow.exceptions import MlflowException

        remaining = self._deadline.remaining()
        if remaining <= 0:
            raise Failure(
                f"MLflow at {self._uri}: no time left to {what}: timeout is {self._deadline.seconds:g} seconds. "
                "Look at the server's log, or raise timeout.",
                error=f"no time left to {what}",
                status=None,
            )
        # For each attempt, since the client knows no limit for all of them.
        os.environ["MLFLOW_HTTP_REQUEST_TIMEOUT"] = str(max(1, int(remaining / (_RETRIES + 1))))
        try:
            return call(*args, **kwargs)
        except (MlflowException, requests.RequestException, OSError) as error:
            status, text = explain(error)
            shown = f"HTTP {status}: {text}" if status else text
            raise Failure(f"MLflow at {self._uri}: could not {what}: {shown}", error=text, status=status) from error


def explain(error: Exception) -> tuple[int | None, str]:
    """The HTTP status, where there was an answer, and what it said, in one line of at most 500 characters."""
    response = getattr(error, "response", None)
    if response is not None:
        return response.status_code, _one_line(response.text) or response.reason or str(error)
    text = _one_line(str(error))
    status = _status_in(text)
    if status is None and type(error).__name__ == "RestException":
        status = int(error.get_http_status_code())  # type: ignore[attr-defined]
    return status, text


def open_server(tracking_uri: str, deadline: Deadline) -> Server:
    """Import MLflow and connect its client. The process's environment must be client_environment() by now."""
    import mlflow
    from mlflow import MlflowClient

    mlflow.set_tracking_uri(tracking_uri)
    return Server(MlflowClient(tracking_uri), tracking_uri, deadline)


def _found_in_trace(trace: Trace) -> dict[str, Any]:
    found: dict[str, Any] = {}
    span = trace.data.spans[0] if trace.data.spans else None
    if span is not None:
        found["trace prompt"] = _dig(span.inputs, "messages", 0, "content")
        found["trace response"] = _dig(span.outputs, "choices", 0, "message", "content")
    usage = trace.info.token_usage
    if usage:
        found["trace token usage"] = dict(usage)
    return {what: value for what, value in found.items() if value is not None}


def _dig(value: Any, *path: str | int) -> Any:
    for key in path:
        if isinstance(key, int):
            value = value[key] if isinstance(value, list) and len(value) > key else None
        else:
            value = value.get(key) if isinstance(value, dict) else None
    return value


def _failure(uri: str, verb: str, name: str, lost: list[Lost], total: int) -> Failure:
    listed = "; ".join(str(item) for item in lost)
    return Failure(
        f"MLflow at {uri} {verb} {len(lost)} of {total} items of experiment {name!r}: {listed}",
        lost=[item.as_dict() for item in lost],
    )


def _status_in(text: str) -> int | None:
    found = re.search(r"(?:error code|too many|status code:?) ([45]\d\d)\b", text)
    return int(found.group(1)) if found else None


def _one_line(text: str) -> str:
    return " ".join(text.split())[:500]


def _shown(value: Any) -> str:
    text = str(value)
    return text if len(text) <= 100 else f"{text[:97]}..."


class _Kept(logging.Handler):
    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.messages: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.messages.append(record.getMessage())


@contextmanager
def _warnings_of_mlflow() -> Iterator[list[str]]:
    handler = _Kept()
    logger = logging.getLogger("mlflow")
    logger.addHandler(handler)
    try:
        yield handler.messages
    finally:
        logger.removeHandler(handler)
