# Copyright 2026 style_transfer_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License.  You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on
# an "AS IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied.  See the License for the
# specific language governing permissions and limitations under the License.
"""What became of a run, for people and as JSON."""
from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from style_transfer_ros.archive.records import Damage

#: Damaged places that are told one by one, and that a report keeps, at most.
_TOLD, _KEPT = 20, 1000
#: Exit codes.
ALL, NOTHING, SOME_LEFT_OUT, INTERRUPTED = 0, 1, 3, 130


class Telling:
    """
    Tells sentences as they come, of damaged places the first ones.  The reports of the parts of a run share one.

    :param tell: is given each sentence.
    """

    def __init__(self, tell: Callable[[str], None] = lambda text: None) -> None:
        self._tell, self._damaged = tell, 0

    def __call__(self, text: str) -> None:
        self._tell(text)

    def damage(self, text: str) -> None:
        """Tell a damaged place if there were not too many before."""
        self._damaged += 1
        if self._damaged <= _TOLD:
            self._tell(text)
        elif self._damaged == _TOLD + 1:
            self._tell('More damaged places are counted and not told.')


@dataclass
class Report:
    """
    Counts of one run.

    :param tell: is given a sentence for each damaged place and each note.
    """

    tell: Telling = field(default_factory=Telling)
    #: Paintings by topic.
    painted: Counter[str] = field(default_factory=Counter)
    #: Messages written, paintings among them.
    written: int = 0
    #: Messages that could not be read, as far as that is known; each damaged place counts at least once.
    left_out: int = 0
    damage: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    outputs: list[str] = field(default_factory=list)
    seconds: float = 0.0

    def note(self, text: str) -> None:
        """Keep and tell a sentence that costs nothing."""
        self.notes.append(text)
        self.tell(text)

    def damaged(self, damage: Damage | str, lost: int | None = 1) -> None:
        """Count and tell one damaged place."""
        if isinstance(damage, Damage):
            lost = damage.lost
        self.left_out += 1 if lost is None else lost
        if len(self.damage) < _KEPT:
            self.damage.append(str(damage))
        self.tell.damage(f'Left out: {damage}' if lost != 0 else str(damage))

    def add(self, counts: dict[str, Any]) -> None:
        """Add what :meth:`counts` of a part gave; it was told then."""
        self.painted.update(counts['painted'])
        self.written += counts['written']
        self.left_out += counts['left_out']
        self.damage = [*self.damage, *counts['damage']][:_KEPT]

    def counts(self) -> dict[str, Any]:
        """Return what adds up."""
        return {'painted': dict(self.painted), 'written': self.written, 'left_out': self.left_out,
                'damage': self.damage}

    def exit_code(self) -> int:
        """Return 0 (all painted), 3 (something was left out) or 1 (nothing was painted)."""
        if not self.painted.total() and not self.outputs:       # outputs may be complete from an earlier run
            return NOTHING
        return SOME_LEFT_OUT if self.left_out or self.damage else ALL

    def to_json(self) -> dict[str, Any]:
        """Return everything as JSON can hold it."""
        frames = sum(self.painted.values())
        return {'outputs': self.outputs, 'frames_painted': frames, **self.counts(), 'notes': self.notes,
                'seconds': round(self.seconds, 2), 'exit_code': self.exit_code(),
                'frames_per_second': round(frames / self.seconds, 2) if self.seconds else None}

    def summary(self) -> str:
        """Return one sentence."""
        frames = sum(self.painted.values())
        text = f"Painted {frames} frames into {', '.join(map(repr, self.outputs))}"
        if self.seconds:
            text += f' in {self.seconds:.1f} s ({frames / self.seconds:.1f} frames/s)'
        if self.left_out:
            text += f'; {self.left_out} messages could not be read or painted'
        return f'{text}.'
