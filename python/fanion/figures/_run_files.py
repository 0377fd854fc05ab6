"""What a run leaves in its folder, read so that a kill or a full disk in the middle does no harm."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

NUMBERS = ("loss", "validation_loss", "seconds", "optimizer_seconds")


def say(message: str) -> None:
    """One line on standard error."""
    print(f"fanion: {message}", file=sys.stderr)


def parse_json(text: str, source: str, line: int = 1) -> Any:
    """The JSON value of a text that begins in that line. Raises ValueError, naming source and line."""

    def no_number(word: str) -> Any:
        raise ValueError(f"{source}:{line}: {word} is no JSON")

    try:
        return json.loads(text, parse_constant=no_number)
    except json.JSONDecodeError as error:
        raise ValueError(f"{source}:{line + error.lineno - 1}: is no JSON: {error.msg}") from None
    except RecursionError:
        raise ValueError(f"{source}:{line}: its JSON is nested too deeply") from None


def _text(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise ValueError(f"{file}: is no text: {error}") from None


def read_json(file: Path) -> Any:
    """The JSON value of a file. Raises ValueError, naming file and line."""
    return parse_json(_text(file), str(file))


def _log_line(text: str, source: str, line: int) -> dict[str, Any]:
    where = f"{source}:{line}"
    entry = parse_json(text, source, line)
    if not isinstance(entry, dict):
        raise ValueError(f"{where}: no object")
    step = entry.get("step")
    if type(step) is not int or step < 0:
        raise ValueError(f"{where}: its step is {json.dumps(step)}, no integer of at least 0")
    for key, value in entry.items():
        if value is None:
            raise ValueError(f"{where}: its {key} is null, where a number belongs")
        if key in NUMBERS and type(value) not in (int, float):
            raise ValueError(f"{where}: its {key} is no number")
    return entry


def read_log(file: Path) -> list[dict[str, Any]]:
    """The lines of metrics.jsonl or timings.jsonl.

    Half a last line, which a kill or a full disk leaves, is dropped, and said. Raises ValueError, naming file and
    line, where another one is not as it should be.
    """
    *whole, rest = _text(file).split("\n")
    lines = [_log_line(line, str(file), number) for number, line in enumerate(whole, start=1)]
    if rest:
        try:
            lines.append(_log_line(rest, str(file), len(whole) + 1))
        except ValueError:
            say(f"{file}:{len(whole) + 1}: half a last line, dropped")
    return lines
