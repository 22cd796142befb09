"""No parameter of an address exists outside the states of pages: read from the code, and from the pages."""

from __future__ import annotations

import ast
import importlib
import re
from functools import cache

from dashboard.page_table import PAGES
from dashboard.shared import page_state
from dashboard.states.talk import EditorState, TalkState
from dashboard.states.tour import TourState
from tests.conftest import ROOT
from tests.page_states import STATES

ADDRESS = "dashboard/shared/bound.py"  # the only module with access to the address
BINDING = ("dashboard/shared/page_state.py", "dashboard/states/inductive_bias.py")  # make `bind=` arguments
FILES = [
    str(path.relative_to(ROOT))
    for folder in ("dashboard", "pages")
    for path in sorted((ROOT / folder).rglob("*.py"))
]
FIELD_FUNCTIONS = {  # of `bound`: the places of the state and of the field's name
    "current": (0, 1),
    "held": (0, 1),
    "named": (0, 1),
    "check_link": (0, 1),
    "settle": (0, 1),
    "choose": (1, 2),
    "choose_several": (0, 1),
}


@cache
def tree(name):
    """Return all nodes of a source file."""
    return list(ast.walk(ast.parse((ROOT / name).read_text("utf-8"))))


def state_of(name, node):
    """The state class that a file means by a name, or None for a variable."""
    if not isinstance(node, ast.Name) or not node.id.endswith("State"):
        return None
    for statement in tree(name):
        if isinstance(statement, ast.ImportFrom) and any(alias.name == node.id for alias in statement.names):
            return getattr(importlib.import_module(statement.module or ""), node.id)
    raise AssertionError(f"{name}:{node.lineno}: {node.id} is not imported")


def fields_in(name):
    """(line, state, field) of every field that a file names literally."""
    for node in tree(name):
        if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Attribute):
            continue
        method, owner = node.func.attr, node.func.value
        if method in ("bound", "options", "parameter"):
            if (state := state_of(name, owner)) and isinstance(node.args[0], ast.Constant):
                yield node.lineno, state, node.args[0].value
        elif isinstance(owner, ast.Name) and owner.id == "bound":
            if method in FIELD_FUNCTIONS:
                state_at, field_at = FIELD_FUNCTIONS[method]
                state = state_of(name, node.args[state_at])
                if state and isinstance(node.args[field_at], ast.Constant):
                    yield node.lineno, state, node.args[field_at].value
            elif method in ("put", "write", "forget") and (state := state_of(name, node.args[0])):
                for keyword in node.keywords:
                    if keyword.arg:  # else a dictionary with names that the code computes
                        yield node.lineno, state, keyword.arg
                for argument in node.args[1:]:
                    if isinstance(argument, ast.Constant):
                        yield node.lineno, state, argument.value


def test_only_the_bound_module_accesses_the_address():
    accessing = {
        name
        for name in FILES
        for node in tree(name)
        if (isinstance(node, ast.Attribute) and node.attr == "query_params")
        or (isinstance(node, ast.keyword) and node.arg == "bind")
        or (isinstance(node, ast.Constant) and node.value == "query-params")
    }
    assert accessing == {ADDRESS, *BINDING}


def test_links_to_other_pages_are_made_from_states():
    made = {
        f"{name}:{node.value.lineno}": ast.unparse(node.value)
        for name in FILES
        for node in tree(name)
        if isinstance(node, ast.keyword) and node.arg == "query_params"
    }
    assert made
    assert not {
        place: code for place, code in made.items() if not re.search(r"\.parameters\(.*\)$", code, re.S)
    }


def test_every_field_that_the_code_names_belongs_to_its_state():
    found = [(name, *field) for name in FILES for field in fields_in(name)]
    assert len({(state, field) for _, _, state, field in found}) > 20
    assert not [
        f"{name}:{line}: {state.__name__} has no field {field}"
        for name, line, state, field in found
        if field not in state.model_fields
    ]


def test_every_state_is_a_page_or_a_talk():
    def subclasses(kind):
        return {kind, *(deep for child in kind.__subclasses__() for deep in subclasses(child))}

    shared = {page_state.PageState, page_state.ImageState, page_state.CurvesState}
    parts = {base for kind in STATES.values() for base in kind.__mro__}
    assert subclasses(page_state.PageState) - shared <= parts | {EditorState, TalkState, TourState}
    assert set(STATES) == set(PAGES)
