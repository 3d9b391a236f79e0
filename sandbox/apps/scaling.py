# Copyright (c) 2026, mlops.mlflow_azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Scaling: the number of replicas of a revision, by its load. Pure.

Source: https://learn.microsoft.com/azure/container-apps/scale-app
"""

from __future__ import annotations

import math
import time
from collections import deque
from dataclasses import dataclass, field

from sandbox.apps.ingress import REQUEST_SECONDS
from sandbox.messages import Json

DEFAULT_CONCURRENCY = 10
DEFAULT_MAXIMUM = 10


@dataclass(frozen=True)
class Scale:
    """Scale section of a template. `concurrency`: concurrent requests per replica; None if requests do not scale the revision."""

    minimum: int
    maximum: int
    concurrency: int | None
    cooldown: float

    @classmethod
    def of(cls, template: Json, *, ingress: bool) -> Scale:
        """Return the scale of a template. An ingress without a rule has Azure's default: 10 concurrent requests."""
        scale = template.get("scale") or {}
        rules = scale.get("rules") or []
        http = [rule["http"] for rule in rules if rule.get("http") is not None]
        concurrency = None
        if ingress and (http or not rules):
            metadata = (http[0].get("metadata") or {}) if http else {}
            concurrency = max(1, int(metadata.get("concurrentRequests") or DEFAULT_CONCURRENCY))
        minimum = int(scale.get("minReplicas") or 0)
        if rules and concurrency is None:
            # other scalers (CPU, a queue) are not emulated: they count as work for one replica
            minimum = max(1, minimum)
        maximum = max(1, minimum, int(scale.get("maxReplicas") or DEFAULT_MAXIMUM))
        cooldown = scale.get("cooldownPeriod")
        return cls(minimum, maximum, concurrency, 300.0 if cooldown is None else float(cooldown))


def required_replicas(scale: Scale, load: float) -> int:
    """Return the number of replicas for a load (concurrent requests), within the limits."""
    replicas = math.ceil(load / scale.concurrency) if scale.concurrency is not None else 0
    return min(max(replicas, scale.minimum), scale.maximum)


def next_count(scale: Scale, running: int, load: float, calm: float) -> int:
    """Return the next number of replicas. `calm`: seconds since the load last required as many as run.

    Scale out in Azure's steps: 1, 4, then double. Scale in at once, after the cooldown period.
    """
    required = required_replicas(scale, load)
    if required > running:
        step = 1 if running == 0 else max(4, running * 2)
        return max(min(required, step), scale.minimum)
    if required < running and calm < scale.cooldown:
        return min(running, scale.maximum)
    return required


@dataclass
class Demand:
    """Load of a revision: the start of each request in flight, by its id, and samples of the last seconds.

    `required_at`: when the load last required the running replicas; `requested_at`: when the last request arrived.
    """

    requests: dict[str, float] = field(default_factory=dict)
    samples: deque[tuple[float, int]] = field(default_factory=deque)
    required_at: float = field(default_factory=time.monotonic)
    requested_at: float = 0.0
    waking: bool = False

    def load(self, now: float, window: float) -> float:
        """Return the mean number of concurrent requests over the last `window` seconds."""
        self.requests = {key: since for key, since in self.requests.items() if now - since < REQUEST_SECONDS}
        self.samples.append((now, len(self.requests)))
        while self.samples[0][0] < now - window:
            self.samples.popleft()
        return sum(count for _at, count in self.samples) / len(self.samples)
