"""Short Python programs: accepted where every node, name and attribute is listed.

The tree is the grammar's of tree-sitter, so that the verdict does not depend on the
Python that runs the gate. Names are ASCII, since Python folds others to them.
"""

from collections.abc import Callable, Sequence
from typing import Final

import re2
import tree_sitter_python
from tree_sitter import Language, Node, Parser

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
MAX_NODES: Final = 4_000
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
    reader.bind(tree.root_node)
    reader.visit(tree.root_node, 0)
    return reader.program


def _text(node: Node | None) -> str:
    return "" if node is None or node.text is None else node.text.decode("utf-8")


def _name(node: Node | None) -> str:
    text = _text(node)
    if not text.isascii():
        raise PythonError("name that is not ASCII")
    return text


class _Reader:
    __slots__ = ("arguments", "modules", "names", "nodes", "program")

    def __init__(self, arguments: Sequence[str]) -> None:
        self.arguments = arguments
        self.program = Program()
        self.modules: dict[str, str] = {}
        self.names: set[str] = set()
        self.nodes = 0

    def bind(self, root: Node) -> None:
        """Collect imports and the names that the program gives values to."""
        todo = [root]
        while todo:
            node = todo.pop()
            self.nodes += 1
            if self.nodes > MAX_NODES:
                raise PythonError("program is too long")
            if node.type == "import_statement":
                self._import(node)
            elif node.type in ("import_from_statement", "future_import_statement"):
                self._import_from(node)
            else:
                self._bind_node(node)
                todo.extend(node.named_children)

    def _bind_node(self, node: Node) -> None:
        kind = node.type
        if kind in (
            "assignment",
            "augmented_assignment",
            "for_statement",
            "for_in_clause",
        ):
            self._targets(node.child_by_field_name("left"))
        elif kind in ("named_expression", "function_definition", "default_parameter"):
            self._targets(node.child_by_field_name("name"))
        elif kind in ("parameters", "lambda_parameters", "as_pattern_target"):
            for child in node.named_children:
                self._targets(child)

    def _targets(self, node: Node | None) -> None:
        if node is None:
            return
        if node.type == "identifier":
            self.names.add(_name(node))
        elif node.type == "attribute":
            raise PythonError("assignment to an attribute")
        elif node.type == "subscript":
            return
        elif node.type in ("default_parameter", "typed_default_parameter"):
            self._targets(node.child_by_field_name("name"))
        elif node.type == "typed_parameter":
            self._targets(node.named_children[0])
        else:
            for child in node.named_children:
                self._targets(child)

    def _import(self, node: Node) -> None:
        for child in node.named_children:
            alias = child.child_by_field_name("alias")
            target = child.child_by_field_name("name") if alias is not None else child
            name = _name(target)
            if name not in MODULES:
                raise PythonError(f"module {name}")
            self.program.imports.append(name)
            if alias is not None:
                self.modules[_name(alias)] = name
            else:
                self.modules[name.partition(".")[0]] = name.partition(".")[0]

    def _import_from(self, node: Node) -> None:
        if node.type == "future_import_statement":
            return
        module = _name(node.child_by_field_name("module_name"))
        if module not in MODULES:
            raise PythonError(f"module {module}")
        self.program.imports.append(module)
        names = node.children_by_field_name("name")
        if not names:
            raise PythonError("import of every name")
        for child in names:
            alias = child.child_by_field_name("alias")
            name = _name(child.child_by_field_name("name") if alias else child)
            self._check_member(module, name)
            whole = f"{module}.{name}"
            if whole == "sys.path" or (
                whole in CALLED_IN_MODULES and alias is not None
            ):
                raise PythonError(whole)
            if whole in MODULES or whole in CALLED_IN_MODULES:
                self.modules[_name(alias) or name] = whole
            else:
                self.names.add(_name(alias) or name)

    def _check_member(self, module: str, name: str) -> None:
        members = MODULES[module]
        if name not in members and ("*" not in members or name[:1] == "_"):
            raise PythonError(f"{module}.{name}")

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

    def identifier(self, node: Node, _: int) -> None:
        name = _name(node)
        if name in REFUSED or name in CALLED or (name[:1] == "_" and name != "_"):
            if name != "__name__":
                raise PythonError(f"name {name}")
            return
        if name in self.modules:
            # A module as a value could be asked for anything later.
            raise PythonError(f"module {name} as a value")
        if name not in self.names and name not in BUILTINS:
            raise PythonError(f"name {name}")

    def string(self, node: Node, depth: int) -> None:
        if "__" in _text(node) and _text(node) not in ("'__main__'", '"__main__"'):
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
            return self.modules.get(_name(node), "")
        if node.type != "attribute":
            return ""
        owner = node.child_by_field_name("object")
        module = "" if owner is None else self.dotted(owner)
        if not module:
            return ""
        if module not in MODULES:
            return ""
        name = _name(node.child_by_field_name("attribute"))
        self._check_member(module, name)
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
        name = _name(node.child_by_field_name("attribute"))
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
        name = _name(function) if function.type == "identifier" else ""
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
        if _name(function.child_by_field_name("attribute")) != "format":
            return False
        owner = function.child_by_field_name("object")
        if owner is None or owner.type != "string":
            raise PythonError("format that is not a constant")
        text = _text(owner).replace("{{", "").replace("}}", "")
        if "\\" in text or set(_FIELD.sub("", text)) & set("{}"):
            raise PythonError("format that follows attributes")
        self.visit(owner, 0)
        return True

    def _constant(self, node: Node) -> str:
        """Value of a text or of `sys.argv[N]`."""
        if node.type == "string":
            parts = node.named_children
            prefix = _text(parts[0]).lower() if parts else ""
            plain = all(
                p.type in ("string_start", "string_content", "string_end")
                and not p.named_children
                for p in parts
            )
            if plain and prefix.strip("'\"") in ("", "r"):
                text = "".join(_text(p) for p in parts if p.type == "string_content")
                if "\\" not in text:
                    return text
        if node.type == "subscript":
            owner, index = node.named_children[0], node.named_children[-1]
            if self.dotted(owner) == "sys.argv" and index.type == "integer":
                place = (
                    int(_text(index)) if _text(index).isdigit() else len(self.arguments)
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
        method = _name(function.child_by_field_name("attribute"))
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
            name = _name(child.child_by_field_name("name"))
            value = child.child_by_field_name("value")
            if name == "mode" and value is not None:
                mode = self._constant(value)
            elif name not in ("encoding", "errors", "newline", "buffering"):
                raise PythonError(f"open with {name}")
        if not given or given[3:]:
            raise PythonError("open")
        if given[0].type == "integer" and _text(given[0]) == "0":
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
