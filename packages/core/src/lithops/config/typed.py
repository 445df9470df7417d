"""Giving the keys of a section the types of a struct, with errors that name the key and never show a value."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from contextlib import suppress
from functools import cache
from operator import index
from typing import Any, Literal, NamedTuple, get_args, get_origin

import msgspec

from lithops.config.secret import Secret
from lithops.errors import ConfigError
from lithops.plugins.suggest import did_you_mean

__all__ = ["Given", "build", "convert", "fields_of", "unknown_key"]


class Given(NamedTuple):
    """One key as the user gave it: `place` is what messages call it, `origin` where it came from."""

    value: Any
    place: str
    origin: str


@cache
def fields_of(struct: type[msgspec.Struct]) -> Mapping[str, msgspec.structs.FieldInfo]:
    """Give the fields of a struct by the names that users write."""
    return {field.encode_name: field for field in msgspec.structs.fields(struct)}


def build(struct: type[msgspec.Struct], given: Mapping[str, Given], where: str) -> Any:
    """Make a struct of the keys that it has a field for; the others are left alone.

    A key without a value takes its default, unless null is a value of its type. `where` names the section.
    """
    values: dict[str, Any] = {}
    fields = fields_of(struct) if given else {}
    for key, one in given.items():
        field = fields.get(key)
        if field is not None and (one.value is not None or _takes_none(field.type)):
            values[field.name] = convert(one, field.type)
    try:
        return struct(**values)
    except (TypeError, ValueError) as exc:  # a required key is missing, or the struct's own check failed
        missing = [name for name, field in fields_of(struct).items() if field.required and field.name not in values]
        if missing:
            raise ConfigError(f"{where} needs the key '{missing[0]}': add it") from None
        raise ConfigError(f"{where}: {exc}") from exc


def convert(one: Given, wanted: Any) -> Any:
    """Give one value its type, strictly: only integers become floats, paths texts, and texts secrets."""
    value = one.value
    if isinstance(value, os.PathLike):
        value = os.fspath(value)
    elif not isinstance(value, int):
        with suppress(TypeError):  # an integer of another type, such as numpy's
            value = index(value)
    try:
        return msgspec.convert(value, wanted, dec_hook=_decode_secret)
    except msgspec.ValidationError as exc:
        text = str(exc)
    choices = _choices(wanted)
    if choices and isinstance(value, str):
        raise ConfigError(f"{one.place} is {value[:40]!r}: {did_you_mean(value, choices)}")
    raise ConfigError(f"{one.place} has a wrong value: {_said(text)}")


def unknown_key(one: Given, key: str, known: Iterable[str]) -> ConfigError:
    """Make the error for a key that nobody reads."""
    return ConfigError(f"{one.place} is unknown: {did_you_mean(key, known)}")


def _decode_secret(wanted: type, value: Any) -> Any:
    if wanted is Secret:
        return Secret(value)
    raise NotImplementedError(f"{wanted} is no type of a configuration")


def _takes_none(wanted: Any) -> bool:
    return wanted is Any or wanted is None or type(None) in get_args(wanted)


def _choices(wanted: Any) -> list[str]:
    """List the texts that a type allows, when these are all that it allows."""
    parts = [part for part in get_args(wanted) if part is not type(None)] if not _is_literal(wanted) else [wanted]
    if not parts or not all(_is_literal(part) for part in parts):
        return []
    return [str(choice) for part in parts for choice in get_args(part)]


def _is_literal(wanted: Any) -> bool:
    return get_origin(wanted) is Literal


def _said(text: str) -> str:
    """Make a message of msgspec a part of ours; an invalid choice is the only one that quotes a value."""
    if text.startswith("Invalid enum value"):
        return "it is none of the values that are possible here"
    return text[:1].lower() + text[1:]
