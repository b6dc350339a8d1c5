"""Text out of corpora, archives and answers, as messages and logs may hold it; standard library alone."""

import re

_CONTROLS = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069]")


def printable(text: str) -> str:
    r"""The text with escapes for what a terminal would obey, or take for the end of a line.

    >>> printable("\x1b[2J")
    '\\x1b[2J'
    """
    return _CONTROLS.sub(lambda match: ascii(match[0])[1:-1], text)
