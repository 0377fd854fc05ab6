"""The command lines of the modules that make data."""

import sys
from collections.abc import Callable


def report(make: Callable[[], str]) -> int:
    """Prints the line that `make` returns, and returns 0; one line on standard error and 2 where no data were made."""
    try:
        line = make()
    except ModuleNotFoundError as error:
        print(f"fanion: {error.name} is needed for this: pip install 'fanion[data]'", file=sys.stderr)
        return 2
    except (ValueError, OSError) as error:
        print(f"fanion: {error}", file=sys.stderr)
        return 2
    print(line)
    return 0
