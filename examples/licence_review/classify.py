"""Which kind a licence is. What is not surely permissive is for a person to decide."""

from __future__ import annotations

import re
from typing import Literal

from examples.licence_review.metadata import Distribution

Kind = Literal["permissive", "copyleft", "unknown"]

_PERMISSIVE = re.compile(
    r"\b(0BSD|MIT(-0|-CMU)?|BSD|Apache|ISC|PSF|Python Software Foundation|Python-2\.0(\.1)?|Unlicense|Public Domain|"
    r"CC0|HPND|zlib|ZPL|Zope Public|BSL-1\.0|Boost)\b",
    re.IGNORECASE,
)
_COPYLEFT = re.compile(
    r"\b(A?L?GPL|GNU|MPL|Mozilla Public|EPL|Eclipse Public|EUPL|CDDL|CeCILL|OSL|CC-BY-SA)(v?\d|\b)", re.IGNORECASE
)


def classify(distribution: Distribution) -> tuple[Kind, str]:
    """The kind of the distribution's licence, and the words it was told by."""
    # A licence field may hold the whole text of the licence; what it is, is said in the beginning.
    first_lines = " ".join(distribution.licence.split())[:200]
    classifiers = [classifier.rsplit("::", 1)[-1].strip() for classifier in distribution.classifiers]
    told = first_lines or "; ".join(classifiers)
    everything = f"{first_lines} {' '.join(classifiers)}"
    # Copyleft first: "MIT AND GPL-3.0" binds by both; so does a choice ("OR"), which a person should make.
    if _COPYLEFT.search(everything):
        return "copyleft", told
    if _PERMISSIVE.search(everything):
        return "permissive", told
    return "unknown", told
