"""Join ES modules into one script.

A Streamlit component is one string of JavaScript, and a standalone HTML file may load nothing. Therefore
the script must contain the modules that a component imports. Only the modules that the entry reaches are
joined, each once, and each after those that it imports. All share one scope: two modules must not declare
the same name. Comments on lines of their own are left out.

This is not a general bundler. A module may contain `import { name } from "./file.js";`, `export` in front
of a declaration, and, in the entry alone, `export default function`. Statements of the top level begin in
the first column, as `deno fmt` writes them. Everything else raises a `BundleError`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

_IMPORT = re.compile(r'^import\s*\{([^}]*)\}\s*from\s*"(\.[^"]+)";\n?', re.MULTILINE)
_EXPORT = re.compile(r"^export (?=(?:async function|function|class|const|let)\b)", re.MULTILINE)
_DEFAULT = re.compile(r"^export default function\b", re.MULTILINE)
_OTHER = re.compile(r"^(?:import|export)\b.*", re.MULTILINE)
_STATEMENT = re.compile(
    r"^(?P<export>export )?(?P<kind>async function\*?|function\*?|class|const|let|var)\b"
    r"(?P<rest>.*(?:\n(?![\w/]).*)*)",
    re.MULTILINE,
)
_LITERAL = re.compile(
    r'"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])*\'|`(?:\\.|[^`\\])*`|//[^\n]*|/\*.*?\*/', re.DOTALL
)
_COMMENT = re.compile(r"^[ ]*(?://[^\n]*|/\*\*.*?\*/)\n", re.MULTILINE | re.DOTALL)
_GROUP = re.compile(r"[(\[{][^()\[\]{}]*[)\]}]")


class BundleError(ValueError):
    """Modules that cannot be joined."""


@dataclass(frozen=True)
class Module:
    """One file: its imports by path, the names that it declares and exports, and its text without them."""

    path: Path
    imports: dict[Path, tuple[str, ...]]
    declared: frozenset[str]
    exported: frozenset[str]
    has_default: bool
    text: str

    @property
    def name(self) -> str:
        """Return the folder and the file name, as used in messages and in the joined script."""
        return f"{self.path.parent.name}/{self.path.name}"


def bundle(entry: Path) -> str:
    """Return `entry` and everything it imports as one module with the default export of `entry`.

    Raise `BundleError` for a name that is imported but not exported, a name that two modules declare, and a
    cycle.
    """
    modules = _ordered(entry.resolve())
    if not modules[-1].has_default:
        raise BundleError(f"{modules[-1].name} has no `export default function`")
    owners: dict[str, Module] = {}
    for module in modules:
        if module.has_default and module is not modules[-1]:
            raise BundleError(
                f"{module.name} has a default export and is imported: only an entry may have one"
            )
        for name in sorted(module.declared):
            if name in owners:
                raise BundleError(f"`{name}` is declared in {owners[name].name} and in {module.name}")
            owners[name] = module
    texts = (_COMMENT.sub("", module.text).strip() for module in modules)
    return "\n".join(f"// {module.name}\n{text}\n" for module, text in zip(modules, texts, strict=True))


def _ordered(entry: Path) -> list[Module]:
    """Return the modules that `entry` reaches, each after those that it imports."""
    done: dict[Path, Module] = {}
    _visit(entry, done, [])
    return list(done.values())


def _visit(path: Path, done: dict[Path, Module], importers: list[Module]) -> Module:
    if path in done:
        return done[path]
    module = _read(path, importers)
    if any(other.path == path for other in importers):
        names = [other.name for other in importers] + [module.name]
        raise BundleError(f"a cycle of imports: {' -> '.join(names)}")
    for imported, names in module.imports.items():
        other = _visit(imported, done, [*importers, module])
        for name in names:
            if name not in other.exported:
                raise BundleError(f"{module.name} imports `{name}`, which {other.name} does not export")
    done[path] = module
    return module


def _read(path: Path, importers: list[Module]) -> Module:
    if not path.is_file():
        subject = f"{importers[-1].name} imports {path}, which" if importers else path
        raise BundleError(f"{subject} does not exist")
    text = path.read_text(encoding="utf-8")
    imports: dict[Path, tuple[str, ...]] = {}
    for found in _IMPORT.finditer(text):
        names = tuple(name.strip() for name in found[1].split(",") if name.strip())
        for name in names:
            if not re.fullmatch(r"[\w$]+", name):
                raise BundleError(f"{path.name}: `{name}` is not a plain name; an import cannot rename")
        source = (path.parent / found[2]).resolve()
        imports[source] = imports.get(source, ()) + names
    text = _IMPORT.sub("", text)
    statements = [(match, _names(match, path)) for match in _STATEMENT.finditer(text)]
    plain = _EXPORT.sub("", text)
    if other := _OTHER.search(_DEFAULT.sub("", plain)):
        raise BundleError(f"{path.name}: `{other[0]}` is not a form that can be joined")
    declared = frozenset(name for _, names in statements for name in names)
    exported = frozenset(name for match, names in statements if match["export"] for name in names)
    return Module(path, imports, declared, exported, bool(_DEFAULT.search(plain)), plain)


def _names(statement: re.Match[str], path: Path) -> list[str]:
    """Return the names that a top-level statement declares; `const a = 1, b = 2` declares two."""
    if statement["kind"] not in ("const", "let", "var"):
        found = re.match(r"\s*([\w$]+)", statement["rest"])
        if found is None:
            raise BundleError(f"{path.name}: `{statement[0].splitlines()[0]}` declares no name")
        return [found[1]]
    rest, before = _LITERAL.sub("", statement["rest"]), ""
    while rest != before:
        rest, before = _GROUP.sub("", rest), rest
    names = [part.split("=")[0].strip().rstrip(";").strip() for part in rest.split(",")]
    for name in names:
        if not re.fullmatch(r"[\w$]+", name):
            first = statement[0].splitlines()[0]
            raise BundleError(f"{path.name}: `{first}`: the bundler cannot tell which names it declares")
    return names
