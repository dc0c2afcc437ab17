"""Short Python programs: accepted where every node, name and attribute is listed.

The tree is the grammar's of tree-sitter, so that the verdict does not depend on the
Python that runs the gate. Names are ASCII, since Python folds others to them.
"""

from collections.abc import Callable, Sequence
from typing import Final

import re2
import tree_sitter_python
from tree_sitter import Language, Node, Parser

from clawlaw.core.shell.lang.python_bind import (
    Bindings,
    check_member,
    name_of,
    text_of,
)
from clawlaw.core.shell.lang.python_names import (
    ATTRIBUTES,
    BUILT_IN,
    BUILTINS,
    CALLED,
    CALLED_IN_MODULES,
    LOOKS,
    MODULES,
    NODES,
    PURE_PATH,
    READS,
    REFUSED,
    WRITES,
)
from clawlaw.core.shell.lang.python_program import Program, PythonError

MAX_PROGRAM: Final = 20_000  # characters
MAX_DEPTH: Final = 100
# A field of a format that names an argument and no attribute or item of it.
_FIELD: Final = re2.compile(r"\{[A-Za-z0-9_]*(?:![rsa])?(?::[^{}]*)?\}")
_PARSER: Final = Parser(Language(tree_sitter_python.language()))


def read_program(text: str, arguments: Sequence[str]) -> Program:
    """Read a program.

    Args:
        text: Its source.
        arguments: `sys.argv`; those that are not known are "\ufffd".

    Raises:
        PythonError: Something in it is not listed.
    """
    if len(text) > MAX_PROGRAM:
        raise PythonError("program is too long")
    # A carriage return or form feed ends a line for one reader and not for another,
    # and a coding line makes Python read other characters than the gate.
    if any(c < " " and c not in "\n\t" for c in text) or "\ufffd" in text:
        raise PythonError("program is not known exactly")
    if any("coding" in line.partition("#")[2] for line in text.split("\n", 2)[:2]):
        raise PythonError("coding line")
    tree = _PARSER.parse(text.encode("utf-8", "replace"))
    if tree.root_node.has_error:
        raise PythonError("syntax")
    reader = _Reader(arguments)
    reader.bindings.read(tree.root_node)
    reader.program.imports = reader.bindings.imports
    reader.visit(tree.root_node, 0)
    return reader.program


class _Reader:
    __slots__ = ("arguments", "bindings", "program")

    def __init__(self, arguments: Sequence[str]) -> None:
        self.arguments = arguments
        self.program = Program()
        self.bindings = Bindings()

    def visit(self, node: Node, depth: int) -> None:
        """Check a node and everything below it."""
        if depth > MAX_DEPTH:
            raise PythonError("program is nested too deep")
        act = VISITS.get(node.type)
        if act is not None:
            act(self, node, depth)
            return
        if node.type not in NODES:
            raise PythonError(node.type)
        for child in node.named_children:
            self.visit(child, depth + 1)

    def loop(self, node: Node, depth: int) -> None:
        before = len(self.program.writes)
        for child in node.named_children:
            self.visit(child, depth + 1)
        if len(self.program.writes) > before:
            raise PythonError("writes in a loop that may have no end")

    def identifier(self, node: Node, _: int) -> None:
        name = name_of(node)
        if name in REFUSED or name in CALLED or (name[:1] == "_" and name != "_"):
            if name != "__name__":
                raise PythonError(f"name {name}")
            return
        if name in self.bindings.modules:
            # A module as a value could be asked for anything later.
            raise PythonError(f"module {name} as a value")
        if name not in self.bindings.names and name not in BUILTINS:
            raise PythonError(f"name {name}")

    def string(self, node: Node, depth: int) -> None:
        if "__" in text_of(node) and text_of(node) not in ("'__main__'", '"__main__"'):
            raise PythonError("text with two underscores")
        for child in node.named_children:
            self.visit(child, depth + 1)

    def keyword(self, node: Node, depth: int) -> None:
        value = node.child_by_field_name("value")
        if value is not None:
            self.visit(value, depth + 1)

    def dotted(self, node: Node) -> str:
        """`module.name` of an attribute or name; "" where it is of a value."""
        if node.type == "identifier":
            return self.bindings.modules.get(name_of(node), "")
        if node.type != "attribute":
            return ""
        owner = node.child_by_field_name("object")
        module = "" if owner is None else self.dotted(owner)
        if not module:
            return ""
        if module not in MODULES:
            return ""
        name = name_of(node.child_by_field_name("attribute"))
        check_member(module, name)
        return f"{module}.{name}"

    def attribute(self, node: Node, depth: int) -> None:
        whole = self.dotted(node)
        if whole:
            if whole in MODULES or whole in CALLED_IN_MODULES:
                raise PythonError(f"{whole} as a value")
            if whole == "os.environ":
                self.program.variables.append("*")
            elif whole == "sys.path" and set(self.program.imports) - BUILT_IN:
                # Who changes the list decides what an import loads.
                raise PythonError("sys.path beside imports")
            return
        name = name_of(node.child_by_field_name("attribute"))
        if name not in ATTRIBUTES:
            raise PythonError(f"attribute {name}")
        owner = node.child_by_field_name("object")
        if owner is not None:
            self.visit(owner, depth + 1)

    def call(self, node: Node, depth: int) -> None:
        function = node.child_by_field_name("function")
        arguments = node.child_by_field_name("arguments")
        if function is None or arguments is None:
            raise PythonError("call")
        if not self._known_call(function, arguments, depth):
            self.visit(function, depth + 1)
            self.visit(arguments, depth + 1)

    def _known_call(self, function: Node, arguments: Node, depth: int) -> bool:
        """Check a call that is looked at as a whole; whether it is one."""
        name = name_of(function) if function.type == "identifier" else ""
        whole = self.dotted(function)
        if name == "open" and not whole:
            self._open(arguments, depth)
        elif name in ("type", "format") and not whole:
            if name == "type" and len(arguments.named_children) != 1:
                raise PythonError("type with several arguments")
            self.visit(arguments, depth + 1)
        elif whole in CALLED_IN_MODULES:
            self._module_call(whole, arguments, depth)
        elif function.type != "attribute" or whole:
            return False
        elif self._path_call(function) or self._text_format(function):
            self.visit(arguments, depth + 1)
        else:
            return False
        return True

    def _text_format(self, function: Node) -> bool:
        """`"...".format(...)`: a format can follow attributes, so it must be seen."""
        if name_of(function.child_by_field_name("attribute")) != "format":
            return False
        owner = function.child_by_field_name("object")
        if owner is None or owner.type != "string":
            raise PythonError("format that is not a constant")
        text = text_of(owner).replace("{{", "").replace("}}", "")
        if "\\" in text or set(_FIELD.sub("", text)) & set("{}"):
            raise PythonError("format that follows attributes")
        self.visit(owner, 0)
        return True

    def _constant(self, node: Node) -> str:
        """Value of a text or of `sys.argv[N]`."""
        if node.type == "string":
            parts = node.named_children
            prefix = text_of(parts[0]).lower() if parts else ""
            plain = all(
                p.type in ("string_start", "string_content", "string_end")
                and not p.named_children
                for p in parts
            )
            if plain and prefix.strip("'\"") in ("", "r"):
                text = "".join(text_of(p) for p in parts if p.type == "string_content")
                if "\\" not in text:
                    return text
        if node.type == "subscript":
            owner, index = node.named_children[0], node.named_children[-1]
            if self.dotted(owner) == "sys.argv" and index.type == "integer":
                place = (
                    int(text_of(index))
                    if text_of(index).isdigit()
                    else len(self.arguments)
                )
                if (
                    place < len(self.arguments)
                    and "\ufffd" not in self.arguments[place]
                ):
                    return self.arguments[place]
        raise PythonError("path that is computed")

    def _module_call(self, whole: str, arguments: Node, depth: int) -> None:
        given = arguments.named_children
        for child in given[1:]:
            self.visit(child, depth + 1)
        if whole == "pathlib.Path":
            raise PythonError("Path as a value")
        if whole == "os.listdir" and not given:
            self.program.looks.append(".")
            return
        if not given:
            raise PythonError(f"{whole} without an argument")
        text = self._constant(given[0])
        if whole == "os.getenv":
            self.program.variables.append(text)
        else:
            self.program.looks.append(text)

    def _path_call(self, function: Node) -> bool:
        """`Path("file").read_text()` and its kin."""
        owner = function.child_by_field_name("object")
        if owner is None or owner.type != "call":
            return False
        maker = owner.child_by_field_name("function")
        given = owner.child_by_field_name("arguments")
        if maker is None or given is None or self.dotted(maker) != "pathlib.Path":
            return False
        method = name_of(function.child_by_field_name("attribute"))
        parts = given.named_children
        path = "." if not parts else "/".join(self._constant(p) for p in parts)
        if len(parts) > 1 and any(self._constant(p)[:1] == "/" for p in parts[1:]):
            raise PythonError("path that is computed")
        if method in READS:
            self.program.reads.append(path)
        elif method in WRITES:
            self.program.writes.append((path, False))
        elif method in LOOKS:
            self.program.looks.append(path)
        elif method not in PURE_PATH:
            raise PythonError(f"Path.{method}")
        return True

    def _open(self, arguments: Node, depth: int) -> None:
        given = [c for c in arguments.named_children if c.type != "keyword_argument"]
        named = [c for c in arguments.named_children if c.type == "keyword_argument"]
        for child in [*given[2:], *named]:
            self.visit(child, depth + 1)
        mode = self._constant(given[1]) if len(given) > 1 else "r"
        for child in named:
            name = name_of(child.child_by_field_name("name"))
            value = child.child_by_field_name("value")
            if name == "mode" and value is not None:
                mode = self._constant(value)
            elif name not in ("encoding", "errors", "newline", "buffering"):
                raise PythonError(f"open with {name}")
        if not given or given[3:]:
            raise PythonError("open")
        if given[0].type == "integer" and text_of(given[0]) == "0":
            return
        path = self._constant(given[0])
        if not set(mode) <= set("rwxabt+") or not mode:
            raise PythonError("mode of open")
        if set(mode) & set("wxa+"):
            self.program.writes.append((path, "a" in mode))
        if "r" in mode or "+" in mode:
            self.program.reads.append(path)

    def subscript(self, node: Node, depth: int) -> None:
        owner = node.named_children[0]
        if self.dotted(owner) == "os.environ":
            self.program.variables.append(self._constant(node.named_children[1]))
            return
        for child in node.named_children:
            self.visit(child, depth + 1)

    def skip(self, node: Node, depth: int) -> None:
        """Imports were read before."""


type Visit = Callable[[_Reader, Node, int], None]
VISITS: Final[dict[str, Visit]] = {
    "while_statement": _Reader.loop,
    "identifier": _Reader.identifier,
    "string": _Reader.string,
    "keyword_argument": _Reader.keyword,
    "attribute": _Reader.attribute,
    "call": _Reader.call,
    "subscript": _Reader.subscript,
    "import_statement": _Reader.skip,
    "import_from_statement": _Reader.skip,
    "future_import_statement": _Reader.skip,
}
