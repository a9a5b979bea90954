"""The call-center module's kinds of break, kept as its web page does (break_administrator)."""

from __future__ import annotations

from msgspec.structs import replace

from ccops.operations.grants import grant
from ccops.operations.module import BreakRow, Module
from ccops.operations.module_plan import deed_of, ground, permitted, row_plan, something
from ccops.operations.module_rows import RowChange
from ccops.operations.plan import Check, OperationError, Plan, Request
from ccops.operations.scene import Scene
from ccops.text import clean

DEEDS = ("add", "rename", "disable", "enable")
_LONGEST = 250


def plan_break(request: Request, scene: Scene) -> Plan:
    """Adds, renames, disables or enables a kind of break."""
    do = deed_of(request, DEEDS)
    key = request.arguments.get("key", "").strip()
    title = f"{do.capitalize()} break {clean(key, 60)}"
    found = ground(request, scene, title, "operator")
    if isinstance(found, Plan):
        return found
    module, checks = found
    old = None if do == "add" else _break(module, key)
    name = key if do == "add" else request.arguments.get("name", "").strip()
    checks += _fit("the name", name) if do in ("add", "rename") else []
    change = _break_change(module, do, old, name, request.arguments.get("about", "").strip())
    if do in ("add", "rename"):
        checks += _free(module, name, old)
    verb, columns = ("INSERT", ()) if do == "add" else ("UPDATE", tuple(change.after))
    checks += [permitted(module, verb, "break", columns)]
    if old is not None:
        checks.append(something(any(change.before[field] != value for field, value in change.after.items())))
    told = {
        "add": f"agents can take the break {name}, once they have logged in anew",
        "rename": f"{old.name if old else ''} is called {name}, also in reports of the past",
        "disable": f"{old.name if old else ''} is offered to nobody any more; reports keep it",
        "enable": f"{old.name if old else ''} is offered to agents again",
    }
    inside = f"{', '.join(module.busy)} on that break now: it goes on" if module.busy and do != "add" else ""
    undo = {
        "rename": f"ccops break rename {old.id if old else ''} '{old.name if old else ''}'",
        "disable": f"ccops break enable {old.id if old else ''}",
        "enable": f"ccops break disable {old.id if old else ''}",
        "add": f"ccops break disable '{name}'",
    }
    fixed = {**request.arguments, **({"key": str(old.id)} if old else {"key": name})}
    return row_plan(
        replace(request, node=module.node, arguments=fixed),
        f"{do.capitalize()} break {old.name if old else name}",
        "The call-center module's list of breaks is changed.",
        change,
        checks,
        notices=(told[do], *([inside] if inside else [])),
        undo=clean(undo[do], 200),
    )


def _break(module: Module, key: str) -> BreakRow:
    """By id or name; the module's own Hold is none."""
    kinds = [each for each in module.breaks if not each.hold]
    found = [each for each in kinds if each.name == key] or [each for each in kinds if str(each.id) == key]
    found = found or [each for each in kinds if each.name.casefold() == key.casefold()]
    if len(found) == 1:
        return found[0]
    if found:
        raise OperationError(f"{clean(key, 60)!r} is more than one break; by id: {', '.join(str(b.id) for b in found)}")
    there = ", ".join(f"{each.name} ({each.id})" for each in kinds)
    raise OperationError(f"the module has no break {clean(key, 60)!r}; it has {clean(there, 400) or 'none'}")


def _break_change(module: Module, do: str, old: BreakRow | None, name: str, about: str) -> RowChange:
    node = module.node
    if old is None:
        after = {"name": name, **({"description": about} if module.described else {})}
        right = grant("INSERT, DELETE", "break", (), module.user)
        return RowChange(node, "break", after, known={"name": name}, grant=right)
    if do == "rename":
        after = {"name": name, **({"description": about} if about and module.described else {})}
        before = {"name": old.name, "description": old.description}
    else:
        after, before = {"status": "I" if do == "disable" else "A"}, {"status": old.status}
    right = grant("UPDATE", "break", tuple(after), module.user)
    return RowChange(node, "break", after, old.id, {field: before[field] for field in after}, grant=right)


def _fit(what: str, text: str) -> list[Check]:
    """A name that is none, too long, or not one line of text, is refused."""
    fault = ""
    if not text:
        fault = "it is empty"
    elif len(text) > _LONGEST:
        fault = f"{len(text)} characters"
    elif clean(text, 1000) != text:
        fault = "it has control characters"
    return [Check(f"{what} is text of at most {_LONGEST} characters", not fault, fault, "give another one")]


def _free(module: Module, name: str, old: BreakRow | None) -> list[Check]:
    same = next(
        (e for e in module.breaks if e.name.strip().casefold() == name.casefold() and (old is None or e.id != old.id)),
        None,
    )
    found = "" if same is None else f"break {same.id} is called so{' (disabled)' if same.status != 'A' else ''}"
    way = f"ccops break enable {same.id}" if same is not None and same.status != "A" else "give another name"
    # Lasting: one that was interrupted after its row was written is not added a second time.
    return [Check("no other break has that name", same is None, found, way, lasting=True)]
