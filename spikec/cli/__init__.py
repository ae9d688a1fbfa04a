"""The command line: each command parses, makes one call, and prints once.

Results go to standard output, as tables or, with ``--json``, as one JSON object and nothing else; progress
and errors go to standard error. Exit codes: 0 fine, 1 a difference or a broken limit was found, 2 an error of
the user's. What is heavy is imported inside the commands, so that ``--help`` is quick. Commands that make
something are in `making`, those that run or judge something in `running`.
"""

from __future__ import annotations

import os
import signal
import sys
import threading
from typing import Annotated

import typer

from spikec.cli import making, running
from spikec.errors import Interrupted, SpikecError, TargetError
from spikec.units import several

app = typer.Typer(
    name="spikec",
    help="Compile trained spiking networks for neuromorphic chips, run them exactly, and count every event.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,  # half of the time that --help takes
    context_settings={"help_option_names": ["-h", "--help"]},
)

for _name, _command in (
    ("demo", making.demo),
    ("train", making.train),
    ("inspect", making.inspect),
    ("check", making.check),
    ("compile", making.compile_),
    ("place", making.place),
    ("run", running.run),
    ("encode", running.encode),
    ("compare", running.compare),
    ("diff", running.diff),
    ("blame", running.blame),
    ("conformance", running.conformance),
    ("deploy", making.deploy),
    ("export", making.export),
    ("report", running.report),
    ("list", making.list_),
    ("selftest", making.selftest),
):
    app.command(_name)(_command)

_WRONG_WORDS: type[Exception] = typer.BadParameter.__bases__[0]
"""What typer raises for wrong options; newer versions carry click inside, where it has no public name."""

INTERRUPTED = 130
"""The exit code of Ctrl-C; newer versions of typer return it."""


@app.callback(invoke_without_command=True)
def _options(
    version: Annotated[bool, typer.Option("--version", help="Print the version and end.")] = False,
) -> None:
    if version:
        from importlib.metadata import version as version_of

        sys.stdout.write(f"spikec {version_of('spikec')}\n")
        raise typer.Exit


def main() -> None:
    """Entry point: errors of the user's become one line and an exit code."""
    signal.signal(signal.SIGTERM, lambda number, frame: sys.exit(128 + number))
    try:
        code = app(standalone_mode=False) or 0
        if code == INTERRUPTED:
            _end_interrupted("interrupted; no output was written")
        raise SystemExit(code)
    except TargetError as error:
        from rich.console import Console

        from spikec.commands.show import violations

        Console(stderr=True).print(violations(error.violations), crop=False)
        broken = several(len(error.violations), "broken limit")
        sys.stderr.write(f"spikec: the network does not fit {error.target}: {broken}\n")
        raise SystemExit(error.exit_code) from None
    except Interrupted as error:
        _end_interrupted(str(error))
    except SpikecError as error:
        sys.stderr.write(f"spikec: {error}\n")
        raise SystemExit(error.exit_code) from None
    except _WRONG_WORDS as error:
        words: str = getattr(error, "format_message", error.__str__)()
        sys.stderr.write(f"spikec: {words.rstrip('.')}; see `spikec --help`\n")
        raise SystemExit(2) from None
    except (KeyboardInterrupt, typer.Abort):  # what older versions of typer raise
        _end_interrupted("interrupted; no output was written")
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        raise SystemExit(0) from None


def _end_interrupted(words: str) -> None:
    sys.stderr.write(f"spikec: {words}\n")
    sys.stderr.flush()
    if threading.active_count() > 1:  # kernels that run cannot be told to stop, and an exit would wait
        os._exit(INTERRUPTED)
    raise SystemExit(INTERRUPTED) from None
