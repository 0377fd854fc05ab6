"""What to say of a keyword that a function or class does not take."""

import difflib
from collections.abc import Iterable, Mapping


def unknown_argument(taker: str, key: str, taken: Iterable[str], elsewhere: Mapping[str, str]) -> str:
    """What `taker` takes, and what is meant perhaps; `elsewhere`: what other libraries call it, and what to write."""
    names = list(taken)
    near = difflib.get_close_matches(key, names, 1, 0.8)
    hint = elsewhere.get(key) or (f"did you mean {near[0]!r}?" if near else "")
    return f"{taker} takes no argument {key!r}{f' ({hint})' if hint else ''}; it takes: {', '.join(names)}"
