"""How commands print: tables or one JSON object on standard output, what happens on standard error."""

from __future__ import annotations

import json
import shlex
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rich.console import RenderableType


def print_found(found: Any, show: Callable[[], RenderableType], as_json: bool) -> None:
    """Print what a command found: as JSON, or as what `show` makes of it."""
    if as_json:
        sys.stdout.write(json.dumps(plain(found), indent=2, allow_nan=False) + "\n")
        return
    from rich.console import Console

    Console().print(show(), crop=False)


def command_line() -> str:
    """What was typed, for the provenance of what it makes."""
    return shlex.join(["spikec", *sys.argv[1:]])


def plain(value: Any) -> Any:
    """JSON values only: numpy scalars become numbers, infinities null."""
    if isinstance(value, dict):
        return {str(k): plain(v) for k, v in value.items()}
    if isinstance(value, list | tuple):
        return [plain(v) for v in value]
    if hasattr(value, "item"):
        value = value.item()
    if isinstance(value, float) and (value != value or value in (float("inf"), float("-inf"))):
        return None
    return value


@contextmanager
def telling() -> Iterator[Callable[[str], None]]:
    """A spinner on standard error that says what happens; plain silence where nobody watches."""
    from rich.console import Console

    console = Console(stderr=True)
    with console.status("") as status:
        yield lambda sentence: status.update(sentence)
