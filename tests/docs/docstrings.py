"""What the reference says of one public object: its signature, and its docstring as Markdown."""

from __future__ import annotations

import ast
import inspect
import re
import textwrap
from collections.abc import Callable, Container, Iterator, Mapping, Sequence
from types import FunctionType
from typing import Final, get_overloads

from waystation.engine.events import Event

Link = Callable[[str], str]
"""Makes Markdown of a name: with a link, if it has a place in the reference."""

_SECTION: Final = re.compile(r"^(Arguments|Attributes|Returns|Raises|Example):$")
_ITEM: Final = re.compile(r"^(\*{0,2}[\w.]+(?:, \*{0,2}[\w.]+)*): +(.*)$")
_CODE: Final = re.compile(r"``(.+?)``", re.DOTALL)
_WIDTH: Final = 100


# --------------------------------------------------------------------------- docstrings


def summary(doc: str, link: Link) -> str:
    """The first sentence of a docstring, in one line."""
    paragraph = " ".join(doc.split("\n\n", maxsplit=1)[0].split())
    return _inline(re.split(r"(?<=\.) (?=[A-Z`])", paragraph)[0], link)


def text_of(doc: str, link: Link) -> str:
    """A docstring as Markdown: its text, then its sections as lists."""
    out: list[str] = []
    for title, lines in _sections(doc):
        body = "\n".join(lines).strip("\n")
        if not title:
            out.append(_inline(body, link))
        elif title in {"Example", "Returns"}:
            out.append(f"**{title}**\n\n{_inline(textwrap.dedent(body), link)}")
        else:
            items = _items(textwrap.dedent(body), link, raised=title == "Raises")
            out.append(f"**{title}**\n\n" + "\n".join(items))
    return "\n\n".join(part for part in out if part)


def _sections(doc: str) -> Iterator[tuple[str, list[str]]]:
    title, lines = "", list[str]()
    for line in doc.splitlines():
        found = _SECTION.match(line)
        if found or (title and line and not line.startswith(" ")):
            yield title, lines
            title, lines = (found[1], []) if found else ("", [line])
        else:
            lines.append(line)
    yield title, lines


def _items(body: str, link: Link, *, raised: bool) -> Iterator[str]:
    items: list[str] = []
    for line in body.splitlines():
        if line.startswith(" ") and items:
            items[-1] += f" {line.strip()}"
        elif items and items[-1].endswith(","):  # a list of names that goes on
            items[-1] += f" {line}"
        elif line:
            items.append(line)
    for item in items:
        found = _ITEM.match(item)
        names, said = (found[1], f": {_inline(found[2], link)}") if found else (item.rstrip("."), "")
        assert re.fullmatch(r"[\w.*]+(, [\w.*]+)*", names), f"neither names nor `name: what it is`: {item!r}"
        shown = ", ".join(link(name) if raised else f"`{name}`" for name in names.split(", "))
        yield f"- {shown}{said}"


def _inline(text: str, link: Link) -> str:
    """The text with its code as Markdown has it, and links from names that have a place."""
    parts = _CODE.split(text)
    for number, part in enumerate(parts):
        if number % 2:
            code = " ".join(part.split())
            parts[number] = link(code) if re.fullmatch(r"[\w.]+", code) else f"`{code}`"
        else:
            assert "<" not in part, f"outside of code this is HTML: {part!r}"
    return "".join(parts)


# --------------------------------------------------------------------------- signatures


def signature(thing: object, name: str, *, most: int = 3) -> str:
    """How it is called or read, as Python that parses; of a function that has up to ``most`` forms, all of them."""
    if isinstance(thing, property):
        assert thing.fget is not None, "the library has no property that can only be set"
        definition = _definition(thing.fget)
        assert isinstance(definition, ast.FunctionDef), "a property's getter is a function"
        return f"{name}: {_annotation(definition.returns)}"
    forms: Sequence[object] = get_overloads(thing) if callable(thing) else ()
    if not 0 < len(forms) <= most:
        forms = [thing]
    return "\n".join(_function(_definition(form), name) for form in forms)


def stub(kind: type, known: Container[str]) -> str:
    """A class with its fields, and with its ``__init__`` where its docstring says what that takes.

    Arguments:
        kind: the class.
        known: which bases are told of.
    """
    bases = [base.__name__ for base in kind.__bases__ if base.__name__ in known]
    head = f"class {kind.__name__}({', '.join(bases)})" if bases else f"class {kind.__name__}"
    fields = {each: line for base in reversed(kind.__mro__) if _has_fields(base) for each, line in _fields(base)}
    lines = list(fields.values())
    if issubclass(kind, Event):
        lines = [f'type: Literal["{kind.__struct_config__.tag}"]', *lines]
    made_by: object = kind.__init__  # type: ignore[misc]  # of this very class: its base's, where it has none
    is_ours = isinstance(made_by, FunctionType) and made_by.__module__.startswith("waystation")
    if is_ours and not lines and "\nArguments:" in (inspect.getdoc(kind) or ""):
        lines = _function(_definition(made_by), "__init__").splitlines()
    return "\n".join([f"{head}:", *(f"    {line}" for line in lines)]) if lines else f"{head}: ..."


def _has_fields(kind: type) -> bool:
    """Whether its fields are shown: not those that all events have, which are told once."""
    return kind.__module__.startswith("waystation") and kind is not Event


def _fields(kind: type) -> Iterator[tuple[str, str]]:
    definition = _definition(kind)
    assert isinstance(definition, ast.ClassDef), "it was asked for by its class"
    for each in definition.body:
        if isinstance(each, ast.AnnAssign) and isinstance(each.target, ast.Name) and each.target.id[0] != "_":
            default = _default(each.value)
            line = f"{each.target.id}: {_annotation(each.annotation)}"
            yield each.target.id, f"{line} = {default}" if default else line


def _default(value: ast.expr | None) -> str:
    if value is None:
        return ""
    if isinstance(value, ast.Call) and ast.unparse(value.func) in {"field", "msgspec.field"}:
        has = {keyword.arg for keyword in value.keywords}
        return "..." if has & {"default", "default_factory", "name"} else ""
    return _source(value)


def _definition(thing: object) -> ast.stmt:
    assert inspect.isclass(thing) or inspect.isroutine(thing), f"{thing!r} has no source"
    (definition,) = ast.parse(textwrap.dedent(inspect.getsource(thing))).body
    return definition


def _function(definition: ast.stmt, name: str) -> str:
    assert isinstance(definition, ast.FunctionDef | ast.AsyncFunctionDef), "only functions are called"
    word = "async def" if isinstance(definition, ast.AsyncFunctionDef) else "def"
    result = f" -> {_annotation(definition.returns)}" if definition.returns else ""
    arguments = (["self"] if name == "__init__" else []) + _arguments(definition.args)
    short = f"{word} {name}({', '.join(arguments)}){result}: ..."
    if len(short) <= _WIDTH:
        return short
    return "\n".join([f"{word} {name}(", *(f"    {argument}," for argument in arguments), f"){result}: ..."])


def _arguments(args: ast.arguments) -> list[str]:
    """The arguments of a function, without ``self``."""
    parts: list[str] = []
    plain = [*args.posonlyargs, *args.args]
    defaults = [*[None] * (len(plain) - len(args.defaults)), *args.defaults]
    for number, (argument, default) in enumerate(zip(plain, defaults, strict=True), start=1):
        if argument.arg not in {"self", "cls"}:
            parts.append(_argument(argument, default))
        if number == len(args.posonlyargs) and parts:
            parts.append("/")
    if args.vararg or args.kwonlyargs:
        parts.append(f"*{_argument(args.vararg, None)}" if args.vararg else "*")
    parts += [_argument(each, default) for each, default in zip(args.kwonlyargs, args.kw_defaults, strict=True)]
    if args.kwarg:
        parts.append(f"**{_argument(args.kwarg, None)}")
    return parts


def _argument(argument: ast.arg, default: ast.expr | None) -> str:
    said = f"{argument.arg}: {_annotation(argument.annotation)}"
    return said if default is None else f"{said} = {_source(default)}"


def _annotation(annotation: ast.expr | None) -> str:
    """A type as the source says it, without what only type checkers need."""
    text = "None" if annotation is None else _source(annotation)
    return re.sub(r"\b(\w+)_(?:co|contra)\b", r"\1", text)


def _source(expression: ast.expr) -> str:
    return re.sub(r"'([^'\"]*)'", r'"\1"', ast.unparse(expression))


# --------------------------------------------------------------------------- members


def members(kind: type, *, hidden: frozenset[str] = frozenset()) -> Mapping[str, object]:
    """The methods and properties of a class that are for its users, in the order of the source."""
    found: dict[str, object] = {}
    for base in kind.__mro__:
        if not base.__module__.startswith("waystation"):
            continue
        for name, thing in vars(base).items():
            plain = thing.__func__ if isinstance(thing, classmethod | staticmethod) else thing
            if name.startswith("_") or name in hidden or not (inspect.isfunction(plain) or isinstance(plain, property)):
                continue
            doc = inspect.getdoc(plain) or ""
            if doc and "For the library's own rooms." not in doc and doc != "See ``Store``.":
                found.setdefault(name, plain)
    return found
