"""The room imports the standard library, msgspec, ccops.text and the type of secrets only, and does no I/O."""

import ast
import subprocess
import sys
from pathlib import Path

import ccops.pbx

ROOM = Path(ccops.pbx.__file__).parent
STANDARD = {"__future__", "collections", "csv", "io", "re", "secrets", "typing"}


def imported(path: Path) -> set[str]:
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            names.add(node.module)
    return names


def test_modules_import_nothing_else() -> None:
    modules = sorted(ROOM.glob("*.py"))
    assert len(modules) > 7
    for module in modules:
        for name in imported(module):
            own = name in ("ccops.text", "ccops.config") or name.startswith("ccops.pbx")
            assert own or name.split(".")[0] == "msgspec" or name.split(".")[0] in STANDARD, (
                f"{module.name} imports {name}"
            )


def test_the_room_and_the_bundles_load_nothing_heavy() -> None:
    modules = [f"ccops.pbx.{path.stem}" for path in ROOM.glob("*.py") if path.stem != "__init__"]
    code = (
        f"import sys, {', '.join(modules)}, ccops.record.bundle; print(*sorted(m.split('.')[0] for m in sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)
    assert not {"textual", "rich", "asyncssh", "panoramisk", "pymysql", "asyncio"} & set(done.stdout.split())
