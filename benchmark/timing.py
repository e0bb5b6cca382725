# Copyright 2026 style_transfer_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License.  You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on
# an "AS IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied.  See the License for the
# specific language governing permissions and limitations under the License.
"""Timing that survives a noisy machine: all cases take turns, so that a slow minute hits every one of them."""
from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
import random
import time
from typing import Any

import numpy as np
from tqdm import tqdm

#: Time that one visit of a case may take, s: several calls of a fast case, one of a slow one.
_VISIT = 0.25
#: Idle time before each visit, s: thread pools of the case before stop spinning (ONNX Runtime: after 45 ms).
_PAUSE = 0.1
#: A case whose call takes longer than this, s, is visited only in every other round, and without an uncounted call.
_SLOW = 1.0


@dataclass
class Case:
    """Something to time; ``facts`` say what it is, ``seconds`` collects the time of every counted call."""

    facts: dict[str, Any]
    call: Callable[[], object]
    estimate: float = 0.0
    seconds: list[float] = field(default_factory=list)

    def once(self) -> float:
        """Call it; return the seconds."""
        begin = time.perf_counter()
        self.call()
        return time.perf_counter() - begin

    def warm_up(self) -> None:
        """Let it compile and allocate, then estimate its time; nothing of that counts."""
        self.once()
        self.estimate = self.once()

    def visit(self) -> None:
        """Time one turn; the first call only fetches caches and threads back and is not counted."""
        if self.estimate < _SLOW:
            self.once()
        self.seconds += [self.once() for _ in range(int(np.clip(_VISIT / self.estimate, 1, 20)))]

    def summary(self) -> dict[str, Any]:
        """Return the facts with median and quartiles, ms."""
        low, median, high = np.percentile(np.array(self.seconds) * 1e3, [25, 50, 75])
        return {**self.facts, 'median_ms': round(float(median), 3), 'iqr_ms': round(float(high - low), 3),
                'quartiles_ms': [round(float(low), 3), round(float(high), 3)], 'repeats': len(self.seconds)}


def take_turns(cases: Sequence[Case], rounds: int, seed: int = 0) -> None:
    """Visit all cases ``rounds`` times, in another order each time."""
    shuffle = random.Random(seed).shuffle
    turns = []
    for n in range(rounds):
        order = [case for case in cases if n % 2 == 0 or case.estimate < _SLOW]
        shuffle(order)
        turns += order
    for case in tqdm(turns, desc='time in turns', unit='visit'):
        time.sleep(_PAUSE)
        case.visit()


def cost_exponent(pixels: Sequence[float], milliseconds: Sequence[float]) -> float:
    """Return the slope of the time over the pixels on log-log axes: 1 where a pixel always costs the same."""
    return float(np.polyfit(np.log(pixels), np.log(milliseconds), 1)[0])
