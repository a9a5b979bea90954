"""Read data checked against the structs it should become: every fault, with its key, in words.

The structs' own types are the rules; the words for what is expected come from `msgspec.Meta(description=…)`.
"""

from __future__ import annotations

import types
from collections.abc import Iterable, Iterator, Mapping
from typing import Annotated, Any, Literal, NamedTuple, Union, get_args, get_origin

import msgspec

from ccops.config.lines import Path
from ccops.text import clean

_WORDS = {str: "a text in quotes", int: "a whole number", float: "a number", bool: "true or false"}


class Fault(NamedTuple):
    """One wrong setting: the key's path, what was expected, what was found, what to do (or "")."""

    path: Path
    expected: str
    found: str
    remedy: str = ""


def faults(data: Any, kind: Any, path: Path = ()) -> Iterator[Fault]:
    """All faults of `data` (as tomllib gives it) on its way to becoming a `kind`; none means that it converts."""
    described = ""
    inner = kind
    if get_origin(kind) is Annotated:
        inner, *notes = get_args(kind)
        described = next((n.description for n in notes if isinstance(n, msgspec.Meta) and n.description), "")
    origin, args = get_origin(inner), get_args(inner)
    if origin in (Union, types.UnionType):
        yield from faults(data, next(a for a in args if a is not types.NoneType), path)
    elif isinstance(inner, type) and issubclass(inner, msgspec.Struct):
        yield from _struct_faults(data, inner, path, described or "a table")
    elif origin is Mapping:
        yield from _mapping_faults(data, args, path)
    elif origin is tuple and args[-1] is not Ellipsis:
        yield from _tuple_faults(data, args, path)
    elif not _converts(data, kind):
        yield Fault(path, described or _words(inner), found(data, path))


def found(value: Any, path: Path) -> str:
    """What stands there, short and harmless; never the text of anything that is called a secret or a password."""
    if isinstance(value, str):
        if any("secret" in str(key).lower() or "password" in str(key).lower() for key in path):
            return "a text (not shown)"
        return f'"{clean(value, 60)}"' if value else "an empty text"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return clean(str(value), 60)
    if isinstance(value, list):
        return f"a list of {len(value)}"
    return "a table" if isinstance(value, dict) else "a date or time"


def spelt(path: Path) -> str:
    """A key's path as one would write it; elements of lists count from 1: `pairs.lab.nodes#2.ssh`."""
    out = ""
    for part in path:
        if isinstance(part, int):
            out += f"#{part + 1}"
        else:
            bare = part != "" and all(c.isascii() and (c.isalnum() or c in "_-") for c in part)
            out += ("." if out else "") + (part if bare else f'"{clean(part, 60)}"')
    return out


def nearest(word: str, words: Iterable[str]) -> str:
    """`did you mean "…"?`, or the words there are."""
    from difflib import get_close_matches  # only when something is wrong

    known = sorted(words)
    near = get_close_matches(word, known, n=1, cutoff=0.6)
    return f'did you mean "{near[0]}"?' if near else f"known here: {', '.join(known)}"


def _struct_faults(data: Any, kind: type[msgspec.Struct], path: Path, expected: str) -> Iterator[Fault]:
    if not isinstance(data, dict):
        yield Fault(path, expected, found(data, path))
        return
    fields = {field.name: field for field in msgspec.structs.fields(kind)}
    for key in data:
        if key not in fields:
            yield Fault((*path, key), "a known setting", f'"{clean(key, 60)}"', nearest(key, fields))
    for name, field in fields.items():
        if name in data:
            yield from faults(data[name], field.type, (*path, name))
        elif field.required:
            yield Fault((*path, name), _expected(field.type), "nothing", f"add it: {name} = …")


def _mapping_faults(data: Any, args: tuple[Any, ...], path: Path) -> Iterator[Fault]:
    if not isinstance(data, dict):
        yield Fault(path, "a table", found(data, path))
        return
    for key, value in data.items():
        if not _converts(key, args[0]):
            yield Fault((*path, key), f"{_expected(args[0])} as the key", f'"{clean(key, 60)}"')
        else:
            yield from faults(value, args[1], (*path, key))


def _tuple_faults(data: Any, args: tuple[Any, ...], path: Path) -> Iterator[Fault]:
    if not isinstance(data, list) or len(data) != len(args):
        amount = len(data) if isinstance(data, list) else 0
        extra = (*path, len(args)) if amount > len(args) else path
        what = f"{amount} of them" if isinstance(data, list) else found(data, path)
        yield Fault(extra, f"exactly {len(args)} tables [[{spelt(path)}]]", what)
        return
    for index, (value, kind) in enumerate(zip(data, args, strict=True)):
        yield from faults(value, kind, (*path, index))


def _converts(value: Any, kind: Any) -> bool:
    try:
        msgspec.convert(value, kind, strict=True)
    except msgspec.ValidationError:
        return False
    return True


def _expected(kind: Any) -> str:
    """The words for a type as a whole."""
    for note in get_args(kind)[1:] if get_origin(kind) is Annotated else ():
        if isinstance(note, msgspec.Meta) and note.description:
            return note.description
    return _words(get_args(kind)[0] if get_origin(kind) is Annotated else kind)


def _words(kind: Any) -> str:
    origin, args = get_origin(kind), get_args(kind)
    if origin is Literal:
        return " or ".join(f'"{arg}"' for arg in args)
    if origin is tuple:
        return "a list of texts" if args[-1] is Ellipsis else f"{len(args)} tables"
    return _WORDS.get(kind, "a table")
