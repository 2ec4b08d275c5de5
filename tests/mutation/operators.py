"""The small changes that a test must notice: one mutant each.

Comparisons move by one or turn round, ``and`` becomes ``or``, a sum a difference, a number its
neighbour, a condition its contrary; a statement that has an effect is left out, what is returned is
lost. Not changed, because no test should pin them: texts (names of keys, sentences of errors),
annotations, decorators, default values, and how an error is made (only whether it is raised).
"""

from __future__ import annotations

import ast
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

_COMPARISONS: dict[type[ast.cmpop], tuple[type[ast.cmpop], ...]] = {
    ast.Lt: (ast.LtE, ast.GtE),
    ast.LtE: (ast.Lt, ast.Gt),
    ast.Gt: (ast.GtE, ast.LtE),
    ast.GtE: (ast.Gt, ast.Lt),
    ast.Eq: (ast.NotEq,),
    ast.NotEq: (ast.Eq,),
    ast.Is: (ast.IsNot,),
    ast.IsNot: (ast.Is,),
    ast.In: (ast.NotIn,),
    ast.NotIn: (ast.In,),
}
_ARITHMETIC: dict[type[ast.operator], type[ast.operator]] = {
    ast.Add: ast.Sub,
    ast.Sub: ast.Add,
    ast.Mult: ast.FloorDiv,
    ast.Div: ast.Mult,
    ast.FloorDiv: ast.Mult,
    ast.Mod: ast.FloorDiv,
    ast.BitOr: ast.BitAnd,
    ast.BitAnd: ast.BitOr,
    ast.LShift: ast.RShift,
    ast.RShift: ast.LShift,
}
_TWINS = {
    "min": "max",
    "max": "min",
    "any": "all",
    "all": "any",
    "add": "subtract",
    "subtract": "add",
}
"""Functions that take each other's arguments."""

_CONDITIONALS = (ast.If, ast.While, ast.IfExp)
_SHOWN_WITH = (ast.expr, ast.keyword, ast.Assign, ast.AnnAssign, ast.AugAssign, ast.Return)
"""What a bare number is shown with."""
_SPEAKS_FOR_ITSELF = (ast.Compare, ast.BoolOp, ast.Constant)
"""Conditions that are changed in themselves, so that their contrary is no further mutant."""


@dataclass(frozen=True)
class Mutant:
    """One change.

    Attributes:
        function: dotted name of the outermost function that it is in; empty for a constant of the
            module, then ``constant`` is its name.
        function_line: where that begins, its decorators included.
        first_line, last_line: of the statement; a test that runs none of these cannot notice.
        change: before and after, as code; the second one of a function that reads the same says so.
        site, variant: where ``apply`` finds it again.
    """

    function: str
    function_line: int
    line: int
    first_line: int
    last_line: int
    change: str
    site: int
    variant: int
    constant: str = ""


@dataclass(frozen=True)
class _Site:
    """A place in the tree: the node and how its parent holds it."""

    parent: ast.AST
    field: str
    index: int | None
    node: ast.AST
    statement: ast.stmt
    function: str
    function_line: int
    constant: str = ""

    def put(self, node: ast.AST) -> None:
        if self.index is None:
            setattr(self.parent, self.field, node)
        else:
            getattr(self.parent, self.field)[self.index] = node


def mutants_of(source: str) -> Iterator[Mutant]:
    """All mutants of a module, in the order of its lines."""
    seen: Counter[tuple[str, str]] = Counter()
    for number, site in enumerate(_sites(ast.parse(source))):
        for variant, replacement in enumerate(_variants(site)):
            change = _change(site, replacement)
            key = site.function or site.constant, change
            seen[key] += 1
            yield Mutant(
                function=site.function,
                function_line=site.function_line,
                line=getattr(site.node, "lineno", site.statement.lineno),
                first_line=site.statement.lineno,
                last_line=_last_line(site.statement),
                change=change if seen[key] == 1 else f"{change} ({seen[key]})",
                site=number,
                variant=variant,
                constant=site.constant,
            )


def apply(source: str, mutant: Mutant) -> ast.Module:
    """The module's tree with the change in it."""
    tree = ast.parse(source)
    for number, site in enumerate(_sites(tree)):
        if number == mutant.site:
            replacement = list(_variants(site))[mutant.variant]
            ast.copy_location(replacement, site.node)
            site.put(replacement)
            return ast.fix_missing_locations(tree)
    raise ValueError(f"no such place in this source: {mutant}")


# -- places ---------------------------------------------------------------------------------------


def _sites(tree: ast.Module) -> Iterator[_Site]:
    yield from _in_scope(tree.body, "")


def _in_scope(body: list[ast.stmt], prefix: str) -> Iterator[_Site]:
    """Functions of a module or class, and numbers that a module gives a name."""
    for statement in body:
        match statement:
            case ast.FunctionDef() | ast.AsyncFunctionDef():
                line = min([statement.lineno, *(one.lineno for one in statement.decorator_list)])
                yield from _in_block(statement, "body", f"{prefix}{statement.name}", line)
            case ast.ClassDef():
                yield from _in_scope(statement.body, f"{prefix}{statement.name}.")
            case ast.Assign(targets=[ast.Name(id=name)]) if not prefix:
                yield from _in_expressions(statement, statement, "", 0, name)
            case _:
                pass


def _in_block(parent: ast.AST, field: str, function: str, line: int) -> Iterator[_Site]:
    for index, statement in enumerate(getattr(parent, field)):
        if _is_text(statement) or isinstance(statement, (ast.Import, ast.ImportFrom)):
            continue
        yield _Site(parent, field, index, statement, statement, function, line)
        yield from _in_expressions(statement, statement, function, line)
        for block in ("body", "orelse", "finalbody"):
            if isinstance(getattr(statement, block, None), list):
                yield from _in_block(statement, block, function, line)
        for handler in getattr(statement, "handlers", ()):
            yield from _in_block(handler, "body", function, line)
        for case in getattr(statement, "cases", ()):
            if case.guard is not None:
                yield _Site(case, "guard", None, case.guard, statement, function, line)
                yield from _in_expressions(case.guard, statement, function, line)
            yield from _in_block(case, "body", function, line)


def _in_expressions(
    parent: ast.AST, statement: ast.stmt, function: str, line: int, constant: str = ""
) -> Iterator[_Site]:
    for field, index, node in _children(parent):
        if not isinstance(node, (ast.expr, ast.comprehension, ast.keyword)):
            continue
        if isinstance(parent, ast.Raise) or isinstance(node, ast.JoinedStr):
            continue
        if field in ("annotation", "returns", "decorator_list", "targets", "target"):
            continue
        yield _Site(parent, field, index, node, statement, function, line, constant)
        yield from _in_expressions(node, statement, function, line, constant)


def _children(parent: ast.AST) -> Iterator[tuple[str, int | None, ast.AST]]:
    for field, value in ast.iter_fields(parent):
        if isinstance(value, ast.AST):
            yield field, None, value
        elif isinstance(value, list):
            for index, one in enumerate(value):
                if isinstance(one, ast.AST):
                    yield field, index, one


def _is_text(statement: ast.stmt) -> bool:
    return isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant)


def _last_line(statement: ast.stmt) -> int:
    """Of its own line or lines; of a compound statement, of its head."""
    body = getattr(statement, "body", None) or getattr(statement, "cases", None)
    if not body:
        return statement.end_lineno or statement.lineno
    heads = [node for _, _, node in _children(statement) if isinstance(node, ast.expr)]
    heads += [one.context_expr for one in getattr(statement, "items", ())]
    return max([statement.lineno, *(one.end_lineno or 0 for one in heads)])


# -- changes --------------------------------------------------------------------------------------


def _variants(site: _Site) -> Iterator[ast.AST]:
    node = site.node
    if isinstance(node, ast.stmt):
        yield from _of_statement(node)
        return
    is_condition = _is_condition(site)
    if is_condition and not isinstance(node, _SPEAKS_FOR_ITSELF):
        yield _contrary(node)
    yield from _of_operator(node, is_condition=is_condition)
    yield from _of_value(node)


def _of_operator(node: ast.AST, *, is_condition: bool) -> Iterator[ast.expr]:
    match node:
        case ast.Compare(ops=[op]):
            for other in _COMPARISONS[type(op)]:
                yield ast.Compare(node.left, [other()], node.comparators)
        case ast.BoolOp(op=op):
            yield ast.BoolOp(ast.Or() if isinstance(op, ast.And) else ast.And(), node.values)
        case ast.BinOp(op=op) if type(op) in _ARITHMETIC:
            yield ast.BinOp(node.left, _ARITHMETIC[type(op)](), node.right)
        case ast.UnaryOp(op=ast.USub() | ast.Not()) if not is_condition:
            yield node.operand
        case _:
            pass


def _of_value(node: ast.AST) -> Iterator[ast.expr]:
    match node:
        case ast.Constant(value=bool(value)):
            yield ast.Constant(not value)
        case ast.Constant(value=int(value)):
            yield ast.Constant(value + 1)
            if value == 1:
                yield ast.Constant(0)
        case ast.Call(func=ast.Name(id=name)) if name in _TWINS and node.args:
            yield ast.Call(ast.Name(_TWINS[name], ast.Load()), node.args, node.keywords)
        case ast.Call(func=ast.Attribute(value=value, attr="copy_negate")):
            yield value
        case _:
            pass


def _is_condition(site: _Site) -> bool:
    if isinstance(site.parent, _CONDITIONALS):
        return site.field == "test"
    return (isinstance(site.parent, ast.comprehension) and site.field == "ifs") or (
        isinstance(site.parent, ast.match_case) and site.field == "guard"
    )


def _contrary(node: ast.AST) -> ast.expr:
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not):
        return node.operand
    assert isinstance(node, ast.expr)
    return ast.UnaryOp(ast.Not(), node)


def _of_statement(node: ast.stmt) -> Iterator[ast.stmt]:
    match node:
        case ast.Expr() | ast.Delete() | ast.Raise():
            yield ast.Pass()
        case ast.Assign(targets=[ast.Attribute() | ast.Subscript()]):
            yield ast.Pass()
        case ast.AnnAssign(target=ast.Attribute() | ast.Subscript(), value=ast.expr()):
            yield ast.Pass()
        case ast.AugAssign(op=op):
            yield ast.Pass()
            if type(op) in _ARITHMETIC:
                yield ast.AugAssign(node.target, _ARITHMETIC[type(op)](), node.value)
        case ast.Return(value=ast.expr() as value) if not _is_none(value):
            yield ast.Return(ast.Constant(None))
        case ast.Break():
            yield ast.Continue()
        case ast.Continue():
            yield ast.Break()
        case _:
            pass


def _change(site: _Site, replacement: ast.AST) -> str:
    """Before and after; a bare number says little, so what it stands in is shown with it."""
    if not (isinstance(site.node, ast.Constant) and isinstance(site.parent, _SHOWN_WITH)):
        return f"{_shown(site.node)} → {_shown(replacement)}"
    before = _shown(site.parent)
    site.put(replacement)
    after = _shown(site.parent)
    site.put(site.node)
    return f"{before} → {after}"


def _is_none(value: ast.expr) -> bool:
    return isinstance(value, ast.Constant) and value.value is None


def _shown(node: ast.AST) -> str:
    text = " ".join(ast.unparse(node).split())
    return text if len(text) <= 100 else f"{text[:97]}..."
