# Copyright (c) 2026, mlops.mlflow_azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Write an example experiment to an MLflow server: a run, traces with token usage, and an evaluation of the responses.

    pip install mlflow-skinny
    set -a; . out/<deployment>/client.env; set +a
    python examples/example_experiment.py

It calls no model and needs no key: the responses are in this file. Copy `answer`, `log_answers` and `log_evaluation` for
programs of your own. The rest writes the experiment once: a complete experiment stays as it is, and what an interrupted
program left is deleted and written again.
"""

from __future__ import annotations

import csv
import io
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import mlflow
from mlflow import MlflowClient
from mlflow.entities import AssessmentSource, AssessmentSourceType, SpanType
from mlflow.tracing.constant import AssessmentMetadataKey, SpanAttributeKey

EXPERIMENT = "support-desk"
MODEL = "recorded-responses"
SYSTEM_PROMPT = "You answer the questions of customers. Use one short sentence."
WORD_LIMIT = 12

# The tag of the experiment: INCOMPLETE from its creation until everything is written, then the version of this program.
TAG = "example_experiment.version"
INCOMPLETE = "incomplete"
VERSION = "1"


@dataclass(frozen=True)
class Example:
    """A prompt, the model's response, its token usage, and the words that a correct response contains."""

    prompt: str
    response: str
    input_tokens: int
    output_tokens: int
    expected: str


EXAMPLES = (
    Example("What is the capital of France?", "Paris.", 21, 2, "Paris"),
    Example(
        "Summarize: the invoice of 12 March was paid twice, refund one.",
        "The customer paid the invoice of 12 March twice and is owed one refund.",
        30,
        17,
        "refund",
    ),
    Example("Translate to German: good morning", "Guten Morgen", 20, 4, "Guten Morgen"),
    Example(
        "Which plan covers priority support?",
        "The Team and Enterprise plans cover priority support.",
        19,
        10,
        "Only the Enterprise plan",
    ),
)


def answer(example: Example) -> str:
    """Return the model's response, and log prompt, response and token usage as a trace.

    A program that calls a real model needs no spans of its own: `mlflow.openai.autolog()` logs the same.
    """
    with mlflow.start_span("answer", span_type=SpanType.CHAT_MODEL) as span:
        messages = [{"role": "system", "content": SYSTEM_PROMPT}, {"role": "user", "content": example.prompt}]
        span.set_inputs({"model": MODEL, "messages": messages})
        span.set_outputs({"choices": [{"message": {"role": "assistant", "content": example.response}}]})
        usage = {
            "input_tokens": example.input_tokens,
            "output_tokens": example.output_tokens,
            "total_tokens": example.input_tokens + example.output_tokens,
        }
        span.set_attribute(SpanAttributeKey.CHAT_USAGE, usage)
    return example.response


def log_answers() -> dict[str, Example]:
    """Log a run with parameters, metrics, an artifact and a trace for each prompt. Return the examples by trace id."""
    traces = {}
    with mlflow.start_run(run_name="answers"):
        mlflow.log_params({"model": MODEL, "temperature": 0.0, "prompts": len(EXAMPLES)})
        mlflow.log_text(SYSTEM_PROMPT, "system_prompt.txt")
        for step, example in enumerate(EXAMPLES):
            response = answer(example)
            mlflow.log_metric("output_words", len(response.split()), step=step)
            mlflow.log_metric("output_tokens", example.output_tokens, step=step)
            traces[str(mlflow.get_last_active_trace_id())] = example
    # Traces are sent in the background. An assessment needs its trace on the server.
    mlflow.flush_trace_async_logging()
    return traces


def correct(example: Example) -> tuple[bool, str]:
    """Return whether the response contains the expected words, and the rationale."""
    passed = example.expected in example.response
    return passed, f"The response {'contains' if passed else 'does not contain'} '{example.expected}'."


def concise(example: Example) -> tuple[bool, str]:
    """Return whether the response is within the limit of words, and the rationale."""
    words = len(example.response.split())
    return words <= WORD_LIMIT, f"Words of the response: {words}. Limit: {WORD_LIMIT}."


SCORERS = {"correct": correct, "concise": concise}


def log_evaluation(traces: dict[str, Example]) -> None:
    """Log the scores of each response as assessments of its trace, and all of them as metrics and a table of a run."""
    source = AssessmentSource(source_type=AssessmentSourceType.CODE, source_id="example_experiment.py")
    table = [["prompt", "response", "expected", *SCORERS]]
    passed = dict.fromkeys(SCORERS, 0)
    # The UI lists runs of this type under "Evaluation runs".
    with mlflow.start_run(run_name="evaluation", tags={"mlflow.runType": "genai_evaluate"}) as run:
        mlflow.log_params({"scorers": ", ".join(SCORERS), "word_limit": WORD_LIMIT})
        origin = {AssessmentMetadataKey.SOURCE_RUN_ID: run.info.run_id}
        for trace_id, example in traces.items():
            mlflow.log_expectation(trace_id=trace_id, name="expected", value=example.expected, metadata=origin)
            row = [example.prompt, example.response, example.expected]
            for name, scorer in SCORERS.items():
                value, rationale = scorer(example)
                mlflow.log_feedback(
                    trace_id=trace_id, name=name, value=value, rationale=rationale, source=source, metadata=origin
                )
                row.append(str(value))
                passed[name] += value
            table.append(row)
        MlflowClient().link_traces_to_run(list(traces), run.info.run_id)
        mlflow.log_metrics({f"{name}/mean": count / len(traces) for name, count in passed.items()})
        text = io.StringIO()
        csv.writer(text).writerows(table)
        mlflow.log_text(text.getvalue(), "evaluation.csv")


def delete_content(client: MlflowClient, experiment_id: str) -> None:
    """Delete the runs and the traces of an experiment."""
    for run in client.search_runs([experiment_id]):
        client.delete_run(run.info.run_id)
    client.delete_traces(experiment_id, max_timestamp_millis=time.time_ns() // 1_000_000)


def main() -> int:
    """Write the experiment unless it is complete, print the address of its traces, and return the exit status."""
    client = MlflowClient()
    experiment = client.get_experiment_by_name(EXPERIMENT)
    if experiment is None:
        experiment = client.get_experiment(client.create_experiment(EXPERIMENT, tags={TAG: INCOMPLETE}))
    state = experiment.tags.get(TAG)
    if experiment.lifecycle_stage != "active" or state not in (INCOMPLETE, VERSION):
        print(
            f"The experiment {EXPERIMENT} is deleted, or not from this version of {Path(__file__).name}: it stays as it is.",
            file=sys.stderr,
        )
        return 0
    if state == INCOMPLETE:
        mlflow.set_experiment(experiment_id=experiment.experiment_id)
        delete_content(client, experiment.experiment_id)
        log_evaluation(log_answers())
        client.set_experiment_tag(experiment.experiment_id, TAG, VERSION)
    print(f"{mlflow.get_tracking_uri()}/#/experiments/{experiment.experiment_id}/traces")
    return 0


if __name__ == "__main__":
    sys.exit(main())
