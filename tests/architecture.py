"""Reads the tree's imports and says which go the wrong way (DESIGN §2)."""

from __future__ import annotations

import ast
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

LEVELS: dict[str, int] = {
    # 0: pure
    "perfctl": 0,
    "perfctl.recording": 0,
    "perfctl.model": 0,
    "perfctl.sketch": 0,
    "perfctl.stats": 0,
    "perfctl.changepoint": 0,
    "perfctl.units": 0,
    "perfctl.config": 0,
    "perfctl.config_values": 0,
    "perfctl.thresholds": 0,
    "perfctl.errors": 0,
    "perfctl.redact": 0,
    "perfctl.visible": 0,
    "perfctl.hostname": 0,
    # 1: files and database
    "perfctl.spool": 1,
    "perfctl.store": 1,
    "perfctl.settings": 1,
    "perfctl.actor": 1,
    # 2a, 2b, 2c: read, judge, act
    "perfctl.answers": 2,
    "perfctl.alerts": 3,
    "perfctl.gate": 3,
    "perfctl.ml": 3,
    "perfctl.alerting": 4,
    "perfctl.gating": 4,
    "perfctl.ingest": 4,
    "perfctl.retention": 4,
    "perfctl.notify": 4,
    "perfctl.capping": 4,
    "perfctl.prune_report": 4,
    "perfctl.chunks": 4,
    "perfctl.forgetting": 4,
    "perfctl.triage": 4,
    "perfctl.demo": 4,
    "perfctl.collectors": 4,
    "perfctl.deps": 4,
    # 3: faces
    "perfctl.console": 5,
    "perfctl.render": 5,
    "perfctl.options": 5,
    "perfctl.invocation": 5,
    "perfctl.session": 6,
    # 4, 5: commands and their mounting
    "perfctl.commands": 7,
    "perfctl.cli": 8,
    "perfctl.__main__": 9,
}
"""A module belongs to the longest name here that it begins with; a new one adds itself."""

HOOK_LEVEL = 5
"""Views, admin, tasks and management commands of django_hook may use up to the faces."""
HOOK_BEYOND_THE_REQUEST = ("views", "urls", "admin", "tasks", "management", "models", "records")
PURE_WITHOUT = {
    "io", "logging", "os", "pathlib", "random", "secrets", "shutil", "socket", "sqlite3",
    "subprocess", "tempfile", "threading", "time",
    "urllib.request", "uuid",
}  # fmt: skip
HEAVY = {"sklearn", "joblib", "numpy", "pip_audit", "sqlite_utils", "psutil", "rich", "django"}
LOADED_WHEN_NEEDED = {
    "perfctl.store.migrations",
    "perfctl.collectors.system",
    "perfctl.collectors.processes",
}
_SQL = re.compile(
    r"\b(SELECT\s.+\sFROM|INSERT\s+(OR\s+\w+\s+)?INTO|UPDATE\s+\w+\s+SET|DELETE\s+FROM"
    r"|CREATE\s+(TABLE|VIEW|INDEX)|PRAGMA\s+\w+)\b",
    re.DOTALL,
)
READ_STATEMENTS = {"perfctl.gate.counts", "perfctl.render.statement"}
"""They look at the statements of others: their texts are patterns."""
_PURE_WITHOUT_CALLS = {"open", "print", "input", "now", "utcnow", "today"}


class Import(NamedTuple):
    """One import: who, whom, on which line, and whether it happens when the module is loaded."""

    module: str
    target: str
    line: int
    at_load: bool


def modules(root: Path) -> Iterator[tuple[str, Path]]:
    """The modules of the two packages below a root."""
    for package in ("perfctl", "django_hook"):
        for path in sorted((root / package).rglob("*.py")):
            parts = path.relative_to(root).with_suffix("").parts
            if "examples" in parts:
                continue
            yield ".".join(parts).removesuffix(".__init__"), path


def imports_of(module: str, path: Path) -> Iterator[Import]:
    """All imports of a module but those for the type checker."""
    tree = ast.parse(path.read_text())
    is_package = path.name == "__init__.py"
    for node, at_load in _walk(tree, at_load=True):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield Import(module, alias.name, node.lineno, at_load)
        elif isinstance(node, ast.ImportFrom):
            base = _base(module, node, is_package=is_package)
            for alias in node.names:
                yield Import(module, f"{base}.{alias.name}", node.lineno, at_load)


def _base(module: str, node: ast.ImportFrom, *, is_package: bool) -> str:
    if not node.level:
        return node.module or ""
    parts = module.split(".")
    keep = len(parts) - node.level + (1 if is_package else 0)
    return ".".join([*parts[:keep], *([node.module] if node.module else [])])


def _walk(node: ast.AST, *, at_load: bool) -> Iterator[tuple[ast.AST, bool]]:
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.If) and "TYPE_CHECKING" in ast.dump(child.test):
            continue
        is_function = isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda)
        yield child, at_load
        yield from _walk(child, at_load=at_load and not is_function)


def level_of(name: str) -> int | None:
    """The level of a module, or None where it is not listed."""
    parts = name.split(".")
    for length in range(len(parts), 1, -1):
        found = LEVELS.get(".".join(parts[:length]))
        if found is not None:
            return found
    return LEVELS["perfctl"] if name == "perfctl" else None


def violations(root: Path) -> list[str]:
    """What goes against the layers, a line each."""
    known = dict(modules(root))
    found = []
    for module, path in known.items():
        if module.startswith("perfctl") and level_of(module) is None:
            found.append(f"{module}: not listed in tests/architecture.py")
            continue
        for item in imports_of(module, path):
            problem = _problem(item, known)
            if problem:
                found.append(f"{module}:{item.line}: {problem}")
        found += _sql_outside_the_store(module, path)
        if module.startswith("perfctl"):
            found += _impure_calls(module, path)
    return found + _cycles(known)


def _problem(item: Import, known: dict[str, Path]) -> str | None:
    target = item.target if item.target in known else item.target.rpartition(".")[0]
    top = item.target.partition(".")[0]
    if item.module.startswith("django_hook"):
        return _hook_problem(item, target, top)
    if top == "django_hook":
        return "perfctl imports django_hook"
    level = level_of(item.module)
    assert level is not None
    if top == "perfctl":
        above = level_of(target)
        if above is not None and above > level:
            return f"imports {target} upwards"
        return None
    if level == 0 and {top, item.target, target} & PURE_WITHOUT:
        return f"is pure, but imports {item.target}"
    if item.at_load and top in HEAVY and item.module not in LOADED_WHEN_NEEDED:
        return f"imports {top} when it is loaded"
    return None


def _hook_problem(item: Import, target: str, top: str) -> str | None:
    serves_requests = item.module.split(".")[1:2] not in [[n] for n in HOOK_BEYOND_THE_REQUEST]
    if top == "perfctl":
        above = level_of(target)
        allowed = above == 0 or target.startswith("perfctl.spool")
        if serves_requests and not allowed:
            return f"a request's path imports {target}"
        if not serves_requests and above is not None and above > HOOK_LEVEL:
            return f"imports {target}"
        return None
    known = {"django", "django_hook", "asgiref", *sys.stdlib_module_names}
    if serves_requests and top not in known:
        return f"a request's path imports {top}"
    return None


def _sql_outside_the_store(module: str, path: Path) -> Iterator[str]:
    if module.startswith("perfctl.store") or module in READ_STATEMENTS:
        return
    for node in ast.walk(ast.parse(path.read_text())):
        text = _text_of(node)
        if _SQL.search(text) and not text.startswith("Example: "):
            yield f"{module}:{node.lineno}: SQL outside of perfctl.store"  # type: ignore[attr-defined]


def _text_of(node: ast.AST) -> str:
    """A literal text; of an f-string what is fixed, with a name where a value would stand."""
    if isinstance(node, ast.JoinedStr):
        return "".join(_text_of(part) or "x" for part in node.values)
    return node.value if isinstance(node, ast.Constant) and isinstance(node.value, str) else ""


def _impure_calls(module: str, path: Path) -> Iterator[str]:
    if level_of(module) != 0:
        return
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Call):
            name = getattr(node.func, "id", getattr(node.func, "attr", ""))
            if name in _PURE_WITHOUT_CALLS:
                yield f"{module}:{node.lineno}: is pure, but calls {name}()"


def _cycles(known: dict[str, Path]) -> list[str]:
    """Modules that import each other when they are loaded."""
    edges: dict[str, set[str]] = {}
    for module, path in known.items():
        targets = set()
        for item in imports_of(module, path):
            target = item.target if item.target in known else item.target.rpartition(".")[0]
            if item.at_load and target in known and target != module:
                targets.add(target)
        edges[module] = targets
    found, state = [], dict.fromkeys(edges, 0)

    def visit(module: str, trail: tuple[str, ...]) -> None:
        state[module] = 1
        for target in sorted(edges[module]):
            # a package's __init__ that re-exports its own modules is no cycle
            if target == module.rpartition(".")[0]:
                continue
            if state[target] == 1:
                found.append(f"cycle: {' → '.join([*trail[trail.index(target) :], target])}")
            elif state[target] == 0:
                visit(target, (*trail, target))
        state[module] = 2

    for module in sorted(edges):
        if state[module] == 0:
            visit(module, (module,))
    return found
