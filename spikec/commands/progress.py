"""What a person at a terminal sees while a run goes on; nothing where standard error is no terminal."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING

from rich.console import Console

if TYPE_CHECKING:
    from rich.progress import Progress


class Watch:
    """A sentence, and once samples are counted, a bar beside it.

    Args:
        console: Where it is shown.
        stack: Closes what is shown.
    """

    def __init__(self, console: Console, stack: ExitStack) -> None:
        self._console, self._stack = console, stack
        self._sentence = ""
        self._status = stack.enter_context(console.status(""))
        self._bar: Progress | None = None

    def __call__(self, sentence: str) -> None:
        """Say what happens."""
        self._sentence = sentence
        if self._bar is None:
            self._status.update(sentence)
        else:
            self._bar.update(self._bar.task_ids[0], description=sentence)

    def count(self, done: int, of: int) -> None:
        """Say how many samples are done."""
        if not self._console.is_terminal:
            return
        if self._bar is None:
            from spikec.commands.bar import bar_of  # takes a while to import

            self._status.stop()
            self._bar = self._stack.enter_context(bar_of(self._console, self._sentence, done, of))
        else:
            self._bar.update(self._bar.task_ids[0], completed=done)


@contextmanager
def watching() -> Iterator[Watch]:
    """Show what happens until it is over."""
    with ExitStack() as stack:
        yield Watch(Console(stderr=True), stack)
