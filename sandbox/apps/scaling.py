# Copyright (c) 2026, mlops.mlflow_azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How many replicas a revision should have, by what is asked of it.

Source: https://learn.microsoft.com/azure/container-apps/scale-app
"""

from __future__ import annotations

import math
import time
from collections import deque
from dataclasses import dataclass, field

from sandbox.apps.ingress import REQUEST_SECONDS
from sandbox.arm.resource_type import Json

DEFAULT_CONCURRENCY = 10
DEFAULT_MAXIMUM = 10


@dataclass(frozen=True)
class Scale:
    """The scale section of a template. `concurrency`: requests at a time that one replica takes; None where requests do not count."""

    minimum: int
    maximum: int
    concurrency: int | None
    cooldown: float

    @classmethod
    def of(cls, template: Json, *, ingress: bool) -> Scale:
        """Reads a template. An ingress without any rule has Azure's own: 10 requests at a time."""
        scale = template.get("scale") or {}
        rules = scale.get("rules") or []
        http = [rule["http"] for rule in rules if rule.get("http") is not None]
        concurrency = None
        if ingress and (http or not rules):
            metadata = (http[0].get("metadata") or {}) if http else {}
            concurrency = max(1, int(metadata.get("concurrentRequests") or DEFAULT_CONCURRENCY))
        minimum = int(scale.get("minReplicas") or 0)
        if rules and concurrency is None:
            # its scaler (CPU, a queue) is not here: it counts as having work for one
            minimum = max(1, minimum)
        maximum = max(1, minimum, int(scale.get("maxReplicas") or DEFAULT_MAXIMUM))
        cooldown = scale.get("cooldownPeriod")
        return cls(minimum, maximum, concurrency, 300.0 if cooldown is None else float(cooldown))


def needed(scale: Scale, load: float) -> int:
    """The replicas that a load (requests at a time) asks for, within the limits."""
    asked = math.ceil(load / scale.concurrency) if scale.concurrency is not None else 0
    return min(max(asked, scale.minimum), scale.maximum)


def next_count(scale: Scale, running: int, load: float, calm: float) -> int:
    """The replicas to have now. `calm`: seconds since the load last asked for as many as run.

    Up in Azure's steps: 1, 4, then twice as many each time. Down at once, when the cooldown has passed.
    """
    wanted = needed(scale, load)
    if wanted > running:
        step = 1 if running == 0 else max(4, running * 2)
        return max(min(wanted, step), scale.minimum)
    if wanted < running and calm < scale.cooldown:
        return min(running, scale.maximum)
    return wanted


@dataclass
class Demand:
    """What is asked of a revision: the requests in flight (by the id of each, with its start), and the load of the last seconds."""

    requests: dict[str, float] = field(default_factory=dict)
    samples: deque[tuple[float, int]] = field(default_factory=deque)
    wanted_at: float = field(default_factory=time.monotonic)
    asked_at: float = 0.0
    waking: bool = False

    def load(self, now: float, window: float) -> float:
        """Requests at a time, over the last `window` seconds."""
        self.requests = {key: since for key, since in self.requests.items() if now - since < REQUEST_SECONDS}
        self.samples.append((now, len(self.requests)))
        while self.samples[0][0] < now - window:
            self.samples.popleft()
        return sum(count for _at, count in self.samples) / len(self.samples)
