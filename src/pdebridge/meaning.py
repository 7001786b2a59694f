"""What code means, and which code a name reaches: an edit that changes no meaning reruns nothing."""

import ast
import hashlib
import sys
import sysconfig
from collections.abc import Iterable, Iterator
from functools import cache
from importlib.metadata import PackageNotFoundError, packages_distributions, version
from pathlib import Path

PACKAGE = Path(__file__).parent
# no number depends on these: names that lead elsewhere, messages, what is shown of a run, and what decides to repeat it
LEFT_OUT = {
    "pdebridge",
    *(f"pdebridge.{name}" for name in ("catalogue", "errors", "files", "meaning", "provenance", "records")),
    *(f"pdebridge.training.{name}" for name in ("artifacts", "fingerprint", "progress", "stop", "tracking")),
}
UNSAID = {"ctx", "kind", "type_comment"}  # fields that repeat what the place says


def digest(*parts: str) -> str:
    """Return the SHA-256 of texts, in order."""
    total = hashlib.sha256()
    for part in parts:
        total.update(hashlib.sha256(part.encode()).digest())
    return total.hexdigest()


def meaning(*references: str) -> str:
    """Return a digest of everything that ``module:name`` references run: their code and what it imports.

    Code counts by its syntax tree, so that comments, docstrings and layout do not; only modules of this package and of
    the user's own folders are followed. An installed package counts by its version.
    """
    found = reached(references)
    foreign = sorted({r.partition(".")[0].partition(":")[0] for r in references} - {n.partition(".")[0] for n in found})
    return digest(*(tree_digest(path, stamp(path)) for path in found.values()), *map(_release, foreign))


def reached(references: Iterable[str]) -> dict[str, Path]:
    """Return the files of modules and of all that they import in turn, by module, sorted.

    ``module:name`` is taken as ``module``; the packages that a module stands in are imported before it.
    """
    todo, found = [reference.partition(":")[0] for reference in references], dict[str, Path]()
    while todo:
        name = todo.pop()
        path = None if not name or name in found or name in LEFT_OUT else _file(name)
        if path:
            found[name] = path
            todo.extend([name.rpartition(".")[0], *imports(path, stamp(path), name)])
    return dict(sorted(found.items()))


def stamp(path: Path) -> tuple[int, int]:
    """Return what changes when a file is written: time and size."""
    known = path.stat()
    return known.st_mtime_ns, known.st_size


def _file(module: str) -> Path | None:
    """Return the source of a module of this package or of a user's own folder; None for any other."""
    for folder in [PACKAGE.parent] if _is_ours(module) else own_folders():
        path = folder.joinpath(*module.split("."))
        for candidate in (path.with_name(f"{path.name}.py"), path / "__init__.py"):
            if candidate.is_file():
                return candidate
    return None


def _is_ours(module: str) -> bool:
    return module.partition(".")[0] == PACKAGE.name


def own_folders() -> list[Path]:
    """Return the folders on Python's path that hold neither installed packages nor the standard library."""
    installed = tuple(sysconfig.get_paths()[name] for name in ("stdlib", "platstdlib", "purelib", "platlib"))
    folders = [Path(entry or ".").resolve() for entry in sys.path]
    return [folder for folder in dict.fromkeys(folders) if folder.is_dir() and not _is_installed(folder, installed)]


def _is_installed(folder: Path, installed: tuple[str, ...]) -> bool:
    packages = {"site-packages", "dist-packages"} & set(folder.parts)
    return bool(packages) or any(folder.is_relative_to(other) for other in installed)


def _release(package: str) -> str:
    """Return name and version of an installed package."""
    try:
        return f"{package} {[version(name) for name in packages_distributions().get(package, [])]}"
    except PackageNotFoundError:
        return package


@cache
def _tree(path: Path, stamped: tuple[int, int]) -> ast.Module | None:
    """Return the syntax tree of a file, or None where there is none: running it will say why."""
    try:
        return ast.parse(path.read_bytes())
    except (SyntaxError, ValueError):
        return None


@cache
def tree_digest(path: Path, stamped: tuple[int, int]) -> str:
    """Return the SHA-256 of a file's syntax tree without strings that stand alone, such as docstrings."""
    tree = _tree(path, stamped)
    text = path.read_bytes() if tree is None else "\0".join(_spelled(tree)).encode()
    return hashlib.sha256(text).hexdigest()


def _spelled(node: ast.AST) -> Iterator[str]:
    """Yield what a node says. Empty fields are left out: later versions of Python add some."""
    yield type(node).__name__
    for field, value in ast.iter_fields(node):
        if value is None or value == [] or field in UNSAID:
            continue
        yield f"{field}="
        for item in value if isinstance(value, list) else [value]:
            if isinstance(item, ast.AST):
                if not _stands_alone(item):
                    yield from _spelled(item)
            else:
                yield repr(item)
    yield "."


def _stands_alone(node: ast.AST) -> bool:
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str)


@cache
def imports(path: Path, stamped: tuple[int, int], module: str) -> frozenset[str]:
    """Return the modules that a file may import, at its top or inside its functions, relative names resolved."""
    package = module if path.name == "__init__.py" else module.rpartition(".")[0]
    names: set[str] = set()
    for node in ast.walk(_tree(path, stamped) or ast.Module([], [])):
        if isinstance(node, ast.Import):
            names.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            above = package.split(".")[: len(package.split(".")) - node.level + 1] if node.level else []
            base = ".".join([*above, *([node.module] if node.module else [])])
            names.update([base, *(f"{base}.{alias.name}" for alias in node.names)])
    if _is_ours(module):
        names = {name for name in names if _is_ours(name) and _file(name)}
    return frozenset(names)


def parameters(reference: str) -> list[str] | None:
    """Return the parameters of a function ``module:name`` by its source; None where it takes others, or is no function.

    Nothing is imported: what costs seconds to import is checked in none.
    """
    module, _, name = reference.partition(":")
    path = _file(module)
    tree = _tree(path, stamp(path)) if path else None
    for node in tree.body if tree else []:
        if isinstance(node, ast.FunctionDef) and node.name == name and node.args.kwarg is None:
            return [argument.arg for argument in (*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs)]
    return None


def checksum(path: Path) -> str:
    """Return the SHA-256 of a file, or of the names and contents of all files in a folder; ``absent`` without one."""
    if path.is_dir():
        files = sorted(file for file in path.rglob("*") if file.is_file())
        return digest(*(f"{file.relative_to(path)} {checksum(file)}" for file in files))
    return _checksum(path, stamp(path)) if path.is_file() else "absent"


@cache
def _checksum(path: Path, stamped: tuple[int, int]) -> str:
    with path.open("rb") as content:
        return hashlib.file_digest(content, "sha256").hexdigest()
