"""The bar of a run in chunks: samples, samples a second, time left."""

from __future__ import annotations

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    ProgressColumn,
    Task,
    TextColumn,
    TimeRemainingColumn,
)
from rich.text import Text


def bar_of(console: Console, sentence: str, done: int, of: int) -> Progress:
    """A bar with one task.

    Args:
        console: Where it is shown.
        sentence: What happens.
        done: Samples that are done already.
        of: All samples.
    """
    bar = Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        _Throughput(),
        TimeRemainingColumn(compact=True),
        TextColumn("left"),
        console=console,
        transient=True,
    )
    bar.add_task(sentence, total=of, completed=done)
    return bar


class _Throughput(ProgressColumn):
    """Samples a second."""

    def render(self, task: Task) -> Text:
        """The figure, once there is one."""
        speed = task.speed
        return Text("" if speed is None else f"{speed:,.3g} samples/s")
