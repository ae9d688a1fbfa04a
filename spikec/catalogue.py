"""Collections of YAML files that become dataclasses: targets, energy tables, recipes.

What ships is found by name; a user's own file by its path. Everything is checked against the dataclass, and
all faults of a file are reported at once.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Generic, TypeVar

from pydantic import TypeAdapter, ValidationError

from spikec.errors import UsageError

if TYPE_CHECKING:
    from importlib.resources.abc import Traversable

T = TypeVar("T")


@dataclass(frozen=True)
class Catalogue(Generic[T]):
    """One kind of YAML file.

    Attributes:
        what: What one file describes, for messages, for instance ``"target"``.
        folder: Where those that ship lie.
        adapter: Checks a file's content and makes the dataclass.
        pattern: Where a user finds how such a file looks.
        tags: Words that pydantic adds to the place of a fault and that are not in the file: those by which it
            tells the members of a union apart.
    """

    what: str
    folder: Traversable
    adapter: TypeAdapter[T]
    pattern: str
    tags: tuple[str, ...] = ()

    def names(self) -> list[str]:
        """Names of those that ship."""
        return sorted(f.name.removesuffix(".yaml") for f in self.folder.iterdir() if f.name.endswith(".yaml"))

    def load(self, name: str) -> T:
        """Read one by name, or from the path of a YAML file of the user's own.

        Raises:
            UsageError: There is none of this name, or the file breaks the schema.
        """
        is_file = name.endswith((".yaml", ".yml"))
        path = Path(name) if is_file else self.folder.joinpath(f"{name}.yaml")
        if not (path.is_file() if is_file else name in self.names()):
            known = ", ".join(self.names())
            raise UsageError(f"there is no {self.what} {name!r}; give a name ({known}) or a .yaml file")
        try:
            text = path.read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise UsageError(f"{self.what} {name} cannot be read: {error}") from error
        return self.parse(text, name)

    def parse(self, text: str, name: str) -> T:
        """Make one from YAML text.

        Raises:
            UsageError: The text is no YAML or breaks the schema; the message names every fault.
        """
        import yaml

        try:
            given = yaml.safe_load(text)
        except yaml.YAMLError as error:
            raise UsageError(
                f"{self.what} {name} is not valid YAML: {' '.join(str(error).split())}"
            ) from error
        if not isinstance(given, Mapping):
            raise UsageError(f"{self.what} {name} holds no table of settings; see {self.pattern}")
        try:
            return self.adapter.validate_python(given)
        except ValidationError as error:
            faults = "; ".join(f"{self._place(e['loc'])}: {e['msg']}" for e in error.errors())
            raise UsageError(f"{self.what} {name} has wrong entries: {faults}; see {self.pattern}") from error
        except UsageError as error:
            raise UsageError(f"{self.what} {name}: {error}") from error

    def _place(self, loc: tuple[int | str, ...]) -> str:
        """Where in a file an entry stands."""
        return ".".join(str(part) for part in loc if part not in self.tags)
