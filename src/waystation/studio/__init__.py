"""The studio: Waystation's pages for people. Its sources are in ``studio/``; here is what is built of them.

An installed package has the built files; in a checkout ``make studio`` builds them.
"""

from __future__ import annotations

from pathlib import Path

FOLDER = Path(__file__).resolve().parent / "dist"
"""Where the built files are, if they are: ``index.html`` and, below ``assets/``, what it loads."""


def page(root: str = "", folder: Path = FOLDER) -> str:
    """The studio's page, for every path within the studio.

    Arguments:
        root: the path that the studio is mounted at, without a slash at its end; ``""`` for none.
        folder: where the built files are.

    Returns:
        The page as HTML.

    Raises:
        FileNotFoundError: the studio is not built.
    """
    text = (folder / "index.html").read_text(encoding="utf-8")
    return text.replace('="/', f'="{root}/') if root else text
