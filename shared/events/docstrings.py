"""The docstrings that stand below the fields of a class, read from its source."""

import ast
import inspect
import textwrap
from itertools import pairwise


def field_docstrings(owner: type) -> dict[str, str]:
    """By the field's name; a class's own text goes before what it inherits.

    Raises:
        OSError: the source of a class is not there.
    """
    texts: dict[str, str] = {}
    for ancestor in reversed(owner.__mro__):
        if "__annotations__" in vars(ancestor) and ancestor.__module__.startswith(__package__):
            texts |= _own_docstrings(ancestor)
    return texts


def _own_docstrings(owner: type) -> dict[str, str]:
    [definition] = ast.parse(textwrap.dedent(inspect.getsource(owner))).body
    assert isinstance(definition, ast.ClassDef)
    return {
        field.target.id: inspect.cleandoc(text.value.value)
        for field, text in pairwise(definition.body)
        if isinstance(field, ast.AnnAssign)
        and isinstance(field.target, ast.Name)
        and isinstance(text, ast.Expr)
        and isinstance(text.value, ast.Constant)
        and isinstance(text.value.value, str)
    }
