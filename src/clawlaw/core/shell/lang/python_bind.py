"""What a short Python program imports, and which names it gives values to."""

from typing import Final

from tree_sitter import Node

from clawlaw.core.shell.lang.python_names import CALLED_IN_MODULES, MODULES
from clawlaw.core.shell.lang.python_program import PythonError

MAX_NODES: Final = 4_000


def text_of(node: Node | None) -> str:
    """Source of a node; "" of none."""
    return "" if node is None or node.text is None else node.text.decode("utf-8")


def name_of(node: Node | None) -> str:
    """Source of a name, which must be ASCII."""
    text = text_of(node)
    if not text.isascii():
        raise PythonError("name that is not ASCII")
    return text


class Bindings:
    """Names of a program.

    Attributes:
        modules: By the name that stands for each in the program.
        names: Others that it gives values to, anywhere.
        imports: Modules that it loads, in order.
    """

    __slots__ = ("imports", "modules", "names", "nodes")

    def __init__(self) -> None:
        """Begin with no names."""
        self.imports: list[str] = []
        self.modules: dict[str, str] = {}
        self.names: set[str] = set()
        self.nodes = 0

    def read(self, root: Node) -> None:
        """Collect imports and names.

        Raises:
            PythonError: A module or a target is not listed.
        """
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
            self.names.add(name_of(node))
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
            name = name_of(target)
            if name not in MODULES:
                raise PythonError(f"module {name}")
            self.imports.append(name)
            if alias is not None:
                self.modules[name_of(alias)] = name
            else:
                self.modules[name.partition(".")[0]] = name.partition(".")[0]

    def _import_from(self, node: Node) -> None:
        if node.type == "future_import_statement":
            return
        module = name_of(node.child_by_field_name("module_name"))
        if module not in MODULES:
            raise PythonError(f"module {module}")
        self.imports.append(module)
        names = node.children_by_field_name("name")
        if not names:
            raise PythonError("import of every name")
        for child in names:
            alias = child.child_by_field_name("alias")
            name = name_of(child.child_by_field_name("name") if alias else child)
            check_member(module, name)
            whole = f"{module}.{name}"
            if whole == "sys.path" or (
                whole in CALLED_IN_MODULES and alias is not None
            ):
                raise PythonError(whole)
            if whole in MODULES or whole in CALLED_IN_MODULES:
                self.modules[name_of(alias) or name] = whole
            else:
                self.names.add(name_of(alias) or name)


def check_member(module: str, name: str) -> None:
    """Refuse a name of a module that is not listed."""
    members = MODULES[module]
    if name not in members and ("*" not in members or name[:1] == "_"):
        raise PythonError(f"{module}.{name}")
