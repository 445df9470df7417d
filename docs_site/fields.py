"""What the source says of the fields of a section: the struct's names, types and defaults, and the comments beside them."""

from __future__ import annotations

import ast
import inspect
import textwrap
from collections.abc import Iterator
from typing import Annotated, Any, Literal, NamedTuple, Union, get_args, get_origin, get_type_hints

import msgspec

from lithops.config import Secret


class Key(NamedTuple):
    """A key of a section. `default` is "" where the struct has None; `comment` is "" where the source has none."""

    name: str
    type: str
    default: str
    comment: str


def keys_of(struct: type[msgspec.Struct]) -> Iterator[Key]:
    """Describe the keys of a section in the order of its struct."""
    comments, hints = comments_of(struct), get_type_hints(struct, include_extras=True)
    for field in msgspec.structs.fields(struct):
        yield Key(field.encode_name, _type(hints[field.name]), _default(field), comments.get(field.name, ""))


def comments_of(struct: type) -> dict[str, str]:
    """Read the comment that stands on the last line of each field; those of base classes too.

    The line is cut where the syntax tree says that the field ends, so a `#` in a text is no comment.
    """
    found: dict[str, str] = {}
    for owner in reversed(struct.__mro__):
        if not owner.__module__.startswith("lithops"):
            continue
        source = textwrap.dedent(inspect.getsource(owner))
        lines = source.encode().splitlines()  # offsets of the tree count bytes
        (definition,) = ast.parse(source).body
        assert isinstance(definition, ast.ClassDef)
        for node in definition.body:
            if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
                rest = lines[(node.end_lineno or 1) - 1][node.end_col_offset or 0 :].decode()
                _, mark, comment = rest.partition("# ")
                if mark:
                    found[node.target.id] = comment.strip()
    return found


def _type(hint: Any) -> str:
    if hint is Secret:
        return "text, secret"
    origin, arguments = get_origin(hint), get_args(hint)
    if origin is None:
        return {"str": "text", "int": "integer", "float": "number", "bool": "true or false", "NoneType": "null"}.get(
            hint.__name__, "anything"
        )
    if origin is Annotated:
        bounds = [_bound(one) for one in arguments[1:] if isinstance(one, msgspec.Meta)]
        return " ".join([_type(arguments[0]), *filter(None, bounds)])
    if origin is Literal:
        return " or ".join(f"`{one}`" for one in arguments)
    if origin is Union or origin.__name__ == "UnionType":
        return " or ".join(_type(one) for one in arguments if one is not type(None))
    if origin is dict:
        return f"mapping to {_type(arguments[1])}"
    return f"{origin.__name__} of {_type(arguments[0])}"


def _bound(meta: msgspec.Meta) -> str:
    low = f"above {meta.gt:g}" if meta.gt is not None else f"from {meta.ge:g}" if meta.ge is not None else ""
    high = f"below {meta.lt:g}" if meta.lt is not None else f"to {meta.le:g}" if meta.le is not None else ""
    return " ".join(filter(None, (low, high)))


def _default(field: msgspec.structs.FieldInfo) -> str:
    if field.required:
        return "required"
    value: Any = field.default
    if value is msgspec.NODEFAULT and field.default_factory is not msgspec.NODEFAULT:
        value = field.default_factory()
    if isinstance(value, Secret):
        return "`***`"
    return "" if value is None else f"`{str(value).lower() if isinstance(value, bool) else value}`"
