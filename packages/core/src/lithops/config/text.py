"""Reading JSON and YAML text: safely, without duplicate keys, with errors that never quote the text.

The text of a configuration holds secrets, and what a parser says of a mistake often repeats them: so an error
tells the line and the column only.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from lithops.errors import ConfigError

if TYPE_CHECKING:
    import yaml

__all__ = ["parse", "read_file", "shown_key"]


def read_file(path: str) -> dict[str, Any]:
    """Read the configuration in a file. Raises `ConfigError` when it is missing, unreadable or malformed."""
    try:
        with open(path, encoding="utf-8-sig") as stream:
            text = stream.read()
    except FileNotFoundError:
        raise ConfigError(f"there is no configuration file '{path}': check the path, or create the file") from None
    except OSError as exc:
        reason = exc.strerror or type(exc).__name__
        raise ConfigError(f"cannot read the configuration file '{path}' ({reason}): check what it is") from exc
    except ValueError:  # not UTF-8, or a NUL in the path; the exception holds the file's bytes
        pass
    else:
        return parse(text, path)
    raise ConfigError(f"cannot read the configuration file {path[:200]!r}: it should be a text in UTF-8")


def parse(text: str, origin: str) -> dict[str, Any]:
    """Read a configuration in JSON or YAML; `origin` is its place in messages. Nothing is an empty configuration."""
    found = _from_json(text, origin) if text.lstrip().startswith("{") else None
    if found is None:
        found = _from_yaml(text, origin)
    if found is None:
        return {}
    if not isinstance(found, dict):
        raise ConfigError(f"{origin} is a {type(found).__name__}, not a configuration: write sections, each with keys")
    return found


def shown_key(key: object) -> str:
    """Give a key as a message may show it: what is no plain name may be a misplaced secret."""
    return key if isinstance(key, str) and re.fullmatch(r"[A-Za-z][\w.-]{0,39}", key) else "(not a name)"


def _from_json(text: str, origin: str) -> Any:
    """Read JSON; None when it is none: it may be YAML that looks alike."""
    import json

    def as_dict(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        found = dict(pairs)
        if len(found) < len(pairs):
            names = [name for name, _ in pairs]
            raise _twice(origin, next(name for name in names if names.count(name) > 1))
        return found

    try:
        return json.loads(text, object_pairs_hook=as_dict)
    except ConfigError:
        raise
    except (ValueError, RecursionError):
        return None


def _from_yaml(text: str, origin: str) -> Any:
    if not text.strip():
        return None
    import yaml  # its import costs: only those who have a configuration pay

    place = ""
    try:
        loader = yaml.SafeLoader(text)
        node = loader.get_single_node()
        if node is None:
            return None
        _check_keys(node, origin)
        return loader.construct_document(node)
    except ConfigError:
        raise
    except yaml.MarkedYAMLError as exc:
        mark = exc.problem_mark or exc.context_mark
        place = f" at line {mark.line + 1}, column {mark.column + 1}" if mark else ""
    except (yaml.YAMLError, ValueError, TypeError, RecursionError):  # such as the date 2024-99-99
        pass
    # Raised here, so that it carries no parser's exception: that would quote the text.
    raise ConfigError(
        f"{origin} is no valid YAML{place}: check the indentation and the spaces after ':', and put values that begin"
        " with * & ! % @ ` in quotes"
    )


def _check_keys(root: yaml.Node, origin: str) -> None:
    """Refuse a mapping that has a key twice: the parser would take the last. An alias is visited once."""
    from yaml import MappingNode, ScalarNode, SequenceNode

    seen: set[int] = set()
    nodes = [root]
    while nodes:
        node = nodes.pop()
        if id(node) in seen:
            continue
        seen.add(id(node))
        if isinstance(node, SequenceNode):
            nodes.extend(node.value)
        elif isinstance(node, MappingNode):
            keys: set[str] = set()
            for key, value in node.value:
                nodes.append(value)
                if isinstance(key, ScalarNode) and key.tag != "tag:yaml.org,2002:merge":
                    if key.value in keys:
                        raise _twice(f"{origin}, at line {key.start_mark.line + 1},", key.value)
                    keys.add(key.value)


def _twice(origin: str, key: str) -> ConfigError:
    return ConfigError(f"{origin} has the key '{shown_key(key)}' twice: keep one of them")
