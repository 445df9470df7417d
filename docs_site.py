"""What the documentation site has beside the files of docs/: pages made of the code, each time it is built.

`configuration.md` gets the keys of all sections from the typed structs, `command-line.md` every option from the program;
`index.md`, `changelog.md` and `examples.md` are files from outside of docs/; `reference.md` names the public API.
"""

from __future__ import annotations

import ast
import inspect
import re
import textwrap
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from typing import Any, get_args, get_origin, get_type_hints

import click
import msgspec
from mkdocs.structure.files import File, Files

from lithops.cli.program import program
from lithops.config import LithopsSection
from lithops.plugins import load_class, registry

ROOT = Path(__file__).parent
OUTSIDE = {"index.md": "README.md", "changelog.md": "CHANGELOG.md", "examples.md": "examples/README.md"}
REFERENCE = {
    "Executors and futures": [
        "lithops.executor.FunctionExecutor",
        "lithops.future.ResponseFuture",
        "lithops.futures.FuturesList",
        "lithops.engine.retry.Retry",
        "lithops.wait",
    ],
    "Storage": ["lithops.storage.api.Storage"],
    "For authors of backends": [
        "lithops.spi.hooks.BackendInfo",
        "lithops.spi.compute.ComputeBackend",
        "lithops.spi.storage.StorageBackend",
        "lithops.spi.monitoring.StatusBroker",
    ],
}


def on_files(files: Files, config: Any) -> Files:
    """Add the pages that are no files of docs/."""
    for name, source in OUTSIDE.items():
        text = (ROOT / source).read_text("utf-8")
        files.append(File.generated(config, name, content=_moved(text, source)))
    files.append(File.generated(config, "reference.md", content=_reference()))
    files.append(File.generated(config, "adr/index.md", content=_decisions()))
    return files


def on_page_markdown(markdown: str, page: Any, **_: Any) -> str:
    """Complete the pages that have a generated part; links to what is not on the site become plain text."""
    if page.file.src_uri == "configuration.md":
        markdown += "\n\n" + "\n".join(configuration())
    elif page.file.src_uri == "command-line.md":
        markdown += "\n\n" + "\n".join(command_line())
    markdown = markdown.replace("](adr)", "](adr/index.md)")
    return re.sub(r"\[([^\]]+)\]\((?:\.\./)+(README\.md|examples/[^)]*)\)", _inside, markdown)


def configuration() -> Iterator[str]:
    """Write a table of the keys of each section, of the core and of all installed plugins."""
    yield "## All sections and keys"
    yield ""
    yield from _section("lithops", LithopsSection)
    seen: set[str] = set()
    for one in sorted(registry().backends(), key=lambda one: one.name):
        if one.name not in seen:
            seen.add(one.name)
            yield from _section(one.name, load_class(one.info.config, install=registry().install_name(one.info)))


def command_line() -> Iterator[str]:
    """Write every command with its options."""
    yield "## All commands and options"
    yield ""
    context = click.Context(program, info_name="lithops")
    for name in program.list_commands(context):
        command = program.get_command(context, name)
        assert command is not None
        yield from _command(command, click.Context(command, info_name=f"lithops {name}"))


def _section(name: str, struct: type[msgspec.Struct]) -> Iterator[str]:
    comments = comments_of(struct)
    hints = get_type_hints(struct)
    yield f"### `{name}`"
    yield ""
    yield inspect.cleandoc(struct.__doc__ or "")
    yield ""
    yield "| key | type | default | |"
    yield "|---|---|---|---|"
    for field in msgspec.structs.fields(struct):
        comment = comments.get(field.name, "").replace("|", "\\|")
        yield f"| `{field.encode_name}` | {_type(hints[field.name])} | {_default(field)} | {comment} |"
    yield ""


def comments_of(struct: type) -> dict[str, str]:
    """Read the comment at the end of the line of each field, also of the classes that the struct is made of."""
    found: dict[str, str] = {}
    for owner in reversed(struct.__mro__):
        if not owner.__module__.startswith("lithops"):
            continue
        source = textwrap.dedent(inspect.getsource(owner))
        lines = source.splitlines()
        (definition,) = ast.parse(source).body
        assert isinstance(definition, ast.ClassDef)
        for node in definition.body:
            if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
                _, mark, comment = lines[(node.end_lineno or 1) - 1][node.end_col_offset or 0 :].partition("# ")
                if mark:
                    found[node.target.id] = comment.strip()
    return found


def _type(hint: Any) -> str:
    if hint is type(None):
        return "null"
    if get_origin(hint) is None:
        return getattr(hint, "__name__", str(hint)).replace("Secret", "str, secret")
    origin, arguments = get_origin(hint), get_args(hint)
    name = getattr(origin, "__name__", str(origin))
    if name == "Annotated":
        return _type(arguments[0])
    if name == "Literal":
        return " or ".join(f"`{one}`" for one in arguments)
    if name in ("Union", "UnionType"):
        return " or ".join(_type(one) for one in arguments)
    return f"{name} of {' to '.join(_type(one) for one in arguments)}"


def _default(field: msgspec.structs.FieldInfo) -> str:
    if field.required:
        return "required"
    value = field.default
    if value is msgspec.NODEFAULT:
        assert field.default_factory is not msgspec.NODEFAULT
        value = field.default_factory()
    return "" if value is None else f"`{str(value).lower() if isinstance(value, bool) else value}`"


def _command(command: click.Command, context: click.Context) -> Iterator[str]:
    if isinstance(command, click.Group):
        for name in command.list_commands(context):
            inner = command.get_command(context, name)
            assert inner is not None
            yield from _command(inner, click.Context(inner, info_name=f"{context.info_name} {name}"))
        return
    yield f"### `{context.info_name}`"
    yield ""
    yield "```text"
    yield command.get_help(context)
    yield "```"
    yield ""


def _reference() -> str:
    lines = ["# API reference", "", "What is public, from its own docstrings. Everything else may change.", ""]
    for title, names in REFERENCE.items():
        lines += [f"# {title}", ""]
        for name in names:
            module, _, attribute = name.rpartition(".")
            getattr(import_module(module), attribute)  # a name that is gone is an error here, not an empty page
            lines += [f"::: {name}", ""]
    return "\n".join(lines)


def _decisions() -> str:
    lines = ["# Decisions", ""]
    for page in sorted((ROOT / "docs" / "adr").glob("*.md")):
        title = page.read_text("utf-8").partition("\n")[0].removeprefix("# ")
        lines.append(f"- [{title.replace('. ', ' · ', 1)}]({page.name})")
    return "\n".join(lines)


def _moved(text: str, source: str) -> str:
    """Let the links of a file from elsewhere lead where its target is on the site; to plain text where it is not there."""
    folder = (ROOT / source).parent

    def target(found: re.Match[str]) -> str:
        shown, link = found[1], found[2]
        path, mark, anchor = link.partition("#")
        if not path or "://" in link:
            return found[0]
        whole = (folder / path).resolve()
        if whole == ROOT / "docs" / "adr":
            return f"[{shown}](adr/index.md)"
        if whole.is_relative_to(ROOT / "docs") and whole.suffix == ".md":
            return f"[{shown}]({whole.relative_to(ROOT / 'docs').as_posix()}{mark}{anchor})"
        for name, origin in OUTSIDE.items():
            if whole == (ROOT / origin).resolve():
                return f"[{shown}]({name}{mark}{anchor})"
        return shown

    return re.sub(r"\[([^\]]+)\]\(([^)]+)\)", target, text)


def _inside(found: re.Match[str]) -> str:
    return f"[{found[1]}](index.md)" if found[2] == "README.md" else found[1]
