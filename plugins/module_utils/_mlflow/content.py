# Copyright (c) 2026, mlops.mlflow_azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The content of a round trip, and the comparison of what a server stores with it.

The content follows from the name of the experiment, so no record of it is needed to verify it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from .limits import limits_for

ARTIFACT = "roundtrip.bin"
ARTIFACT_ITEM = f"artifact {ARTIFACT}"


@dataclass(frozen=True)
class Content:
    """The content of a round trip: a run's name, parameters and tags, the values of each metric by step, an artifact and a trace.

    digest: identifies the content. usage: input, output and total tokens.
    """

    digest: str
    run_name: str
    parameters: Mapping[str, str]
    metrics: Mapping[str, list[float]]
    tags: Mapping[str, str]
    artifact_size: int
    artifact_seed: str
    prompt: str
    response: str
    usage: Mapping[str, int]

    def artifact(self) -> bytes:
        """Return the bytes of the artifact: pseudorandom, so that nothing compresses them, and the same every time."""
        return hashlib.shake_256(self.artifact_seed.encode()).digest(self.artifact_size)

    def items(self) -> dict[str, Any]:
        """Return all items of the content, by the name under which a loss is reported."""
        return {
            "run status": "FINISHED",
            "run name": self.run_name,
            **{f"parameter {name}": value for name, value in self.parameters.items()},
            **{f"metric {name}": values for name, values in self.metrics.items()},
            **{f"tag {name}": value for name, value in self.tags.items()},
            ARTIFACT_ITEM: f"{self.artifact_size} bytes, sha256 {hashlib.sha256(self.artifact()).hexdigest()}",
            "trace prompt": self.prompt,
            "trace response": self.response,
            "trace token usage": dict(self.usage),
        }


def content_of(experiment: str, artifact_size: int, text: str) -> Content:
    """Return the content of an experiment of that name. artifact_size: bytes. text: a sample of the scripts in use."""
    # "limits" distinguishes the content from that of releases without texts at MLflow's limits.
    digest = hashlib.sha256(f"{experiment}\0{artifact_size}\0{text}\0limits".encode()).hexdigest()[:16]
    number = int(digest[:8], 16)
    limits = limits_for(text)
    input_tokens, output_tokens = 20 + number % 80, 100 + number % 400
    return Content(
        digest=digest,
        run_name=limits.run_name,
        parameters={"learning_rate": f"0.{number}", "text": text, **limits.parameters},
        metrics={"loss": [1 / (step + 1 + number % 7) for step in range(5)], "accuracy": [number / 2**32]},
        tags={"roundtrip.text": text, **limits.tags},
        artifact_size=artifact_size,
        artifact_seed=digest,
        prompt=f"What did {experiment} write? {text} {limits.prompt}",
        response=f"{digest}, and {text} {limits.prompt}",
        usage={
            "input_tokens": input_tokens,
            "output_tokens": output_tokens,
            "total_tokens": input_tokens + output_tokens,
        },
    )


@dataclass(frozen=True)
class Loss:
    """An item that differs from the written one.

    item: its name. expected, current: JSON values, current None when it is absent. error: why it could not be
    written or read, in the words of the server; status: its HTTP status, None without a response.
    """

    item: str
    expected: Any
    current: Any = None
    error: str | None = None
    status: int | None = None

    def as_dict(self) -> dict[str, Any]:
        """Return the loss as the result of the module contains it."""
        return {
            "what": self.item,
            "expected": self.expected,
            "found": self.current,
            "error": self.error,
            "status": self.status,
        }

    def __str__(self) -> str:
        if self.error:
            status = f"HTTP {self.status}: " if self.status else ""
            return f"{self.item} ({status}{self.error})"
        if self.current is None:
            return f"{self.item} (gone)"
        return f"{self.item} (expected {_abbreviate(self.expected)}, found {_abbreviate(self.current)})"


def compare(expected: Mapping[str, Any], current: Mapping[str, Any], errors: Mapping[str, Loss]) -> list[Loss]:
    """Return the expected items that are absent or differ, in the order of C(expected).

    errors: of reads, by the first word of the items that they concern ("run", "artifact", "trace").
    """
    losses = []
    for item, value in expected.items():
        if item in current and current[item] == value:
            continue
        error = errors.get(item.split(" ", 1)[0])
        message, status = (error.error, error.status) if error else (None, None)
        losses.append(Loss(item, value, current.get(item), message, status))
    return losses


def _abbreviate(value: Any) -> str:
    text = str(value)
    return text if len(text) <= 100 else f"{text[:97]}..."
