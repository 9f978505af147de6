"""What a measuring process is told to do, and what it tells: JSON both ways, so that it may be written in any language.

The standard library is all this may need: it is run in the peers' environment too.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from typing import Literal

Work = Literal["chains", "growth", "park", "answer", "idle"]


@dataclass(frozen=True, kw_only=True)
class Order:
    """One piece of work for one process.

    Attributes:
        peer: who is to do it.
        store: ``sqlite:///file``, ``postgresql://...``, or ``memory`` or ``none``.
        setting: which of the peer's settings, where there are several.
        work: ``chains``: runs of ten steps, alone and many at once. ``growth``: a step of a short run and of a long
            one. ``park``: begin runs that wait for an answer, then answer some. ``answer``: answer some of those that
            another process has parked. ``idle``: be open on a store, and do nothing.
        seconds: how long each rate is measured.
        at_once: how many runs go on at once, where many do.
        sizes: the lengths of runs that are compared in ``growth``.
        patience: seconds after which what would take longer is cut down, which is then told.
        standing: how many runs are to wait.
        answers: how many of them are answered.
        part, parts: which of them: each process that answers some of one store's has a part of its own.
    """

    peer: str
    store: str
    work: Work
    setting: str = ""
    seconds: float = 1.0
    at_once: int = 100
    sizes: list[int] = field(default_factory=list[int])
    patience: float = 30.0
    standing: int = 0
    answers: int = 0
    part: int = 0
    parts: int = 2

    def as_text(self) -> str:
        return json.dumps(asdict(self))

    @classmethod
    def of_text(cls, text: str) -> Order:
        return cls(**json.loads(text))

    def numbers(self, standing: int) -> range:
        """The numbers of the runs to answer, of so many that stand: spread over all, and other ones in each part."""
        apart = max(standing // (self.parts * self.answers), 1)
        return range(self.part * apart, standing, self.parts * apart)[: self.answers]


def tell(what: str, value: float | str) -> None:
    """Tell a measure to whoever started this process."""
    print(json.dumps({"what": what, "value": value}), flush=True)
