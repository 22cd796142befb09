"""Joining ES modules into one script: order, content, errors."""

from __future__ import annotations

from pathlib import Path

import pytest

from dashboard.components.bundle import BundleError, bundle
from tests.conftest import ROOT

ENTRY = "export default function () {}\n"


def write_modules(folder: Path, **files: str) -> Path:
    """Write each text as NAME.js and return the path of entry.js."""
    for name, text in files.items():
        (folder / f"{name}.js").write_text(text)
    return folder / "entry.js"


def test_module_comes_once_and_after_its_imports(tmp_path):
    entry = write_modules(
        tmp_path,
        entry='import { left } from "./left.js";\nimport { right } from "./right.js";\n'
        "export default function () {\n  return left() + right();\n}\n",
        left='import { base } from "./base.js";\nexport const left = () => base;\n',
        right='import { base } from "./base.js";\nexport function right() {\n  return base;\n}\n',
        base="export const base = 1;\n",
        unused="export const unused = 1;\n",
    )
    text = bundle(entry)
    positions = [
        text.index(f"{word}") for word in ("const base", "const left", "function right", "export default")
    ]
    assert positions == sorted(positions)
    assert text.count("const base") == 1
    assert "unused" not in text


def test_bundle_has_the_default_export_and_no_import(tmp_path):
    entry = write_modules(
        tmp_path,
        entry='import {\n  Shape,\n  area,\n} from "./shape.js";\nexport default function () {\n'
        "  return area(new Shape());\n}\n",
        shape="export class Shape {}\nexport let last; // of all\nexport async function area(shape) {}\n",
    )
    lines = bundle(entry).splitlines()
    assert [line for line in lines if line.startswith(("import", "export"))] == [
        "export default function () {"
    ]
    assert "class Shape {}" in lines
    assert "async function area(shape) {}" in lines


def test_comments_on_their_own_lines_are_left_out(tmp_path):
    entry = write_modules(
        tmp_path,
        entry="// The entry.\n\n/**\n * Return the text.\n */\nfunction text() {\n  // of an address\n"
        f'  return "https://" + `/** ${{1}} */`; // kept\n}}\n{ENTRY}',
    )
    lines = ["// NAME/entry.js", "function text() {", '  return "https://" + `/** ${1} */`; // kept', "}"]
    assert bundle(entry).replace(tmp_path.name, "NAME").splitlines() == [*lines, ENTRY.strip()]


def test_error_names_a_missing_export_and_both_files(tmp_path):
    entry = write_modules(
        tmp_path, entry=f'import {{ hidden }} from "./other.js";\n{ENTRY}', other="const hidden = 1;\n"
    )
    with pytest.raises(BundleError, match=r"entry\.js imports `hidden`, which .*other\.js does not export"):
        bundle(entry)


@pytest.mark.parametrize(
    "declaration",
    [
        "const size = 1;",
        "const edge = [1, 2], size = 1;",
        'const say = (a, b) => "x, size", size = 3;',
        "const edge = {\n  a: 1,\n  b: 2,\n},\n  size = 1;",
        "function size() {}",
        "async function size() {}",
        "class size {}",
        "let size;",
    ],
)
def test_error_names_a_duplicate_declaration_and_both_files(tmp_path, declaration):
    entry = write_modules(
        tmp_path,
        entry=f'import {{ other }} from "./other.js";\nexport const size = 1;\n{ENTRY}',
        other=f"export const other = 1;\n{declaration}\n",
    )
    with pytest.raises(BundleError, match=r"`size` is declared in .*other\.js and in .*entry\.js"):
        bundle(entry)


def test_names_inside_functions_and_strings_do_not_collide(tmp_path):
    entry = write_modules(
        tmp_path,
        entry=f'import {{ other }} from "./other.js";\nconst size = 1;\n// const other = 2;\n{ENTRY}',
        other='export function other(size) {\n  const edge = "const size = 1";\n  return [size, edge];\n}\n'
        'const text = (a) => [a, "size"].join(", size");\n',
    )
    assert "const size = 1;" in bundle(entry)


def test_error_lists_a_cycle_in_order(tmp_path):
    entry = write_modules(
        tmp_path,
        entry=f'import {{ a }} from "./a.js";\n{ENTRY}',
        a='import { b } from "./b.js";\nexport const a = 1;\n',
        b='import { a } from "./a.js";\nexport const b = 1;\n',
    )
    with pytest.raises(BundleError, match=r"cycle of imports: .*entry\.js -> .*a\.js -> .*b\.js -> .*a\.js"):
        bundle(entry)


@pytest.mark.parametrize(
    "statement",
    [
        'import all from "./other.js";',
        'import * as all from "./other.js";',
        'import "./other.js";',
        'import { other as another } from "./other.js";',
        'import { other } from "https://example.org/other.js";',
        "export { other };",
        "export default class {}",
        "export const { other } = Math;",
    ],
)
def test_unsupported_import_or_export_is_refused(tmp_path, statement):
    entry = write_modules(tmp_path, entry=f"{statement}\n{ENTRY}", other="export const other = 1;\n")
    with pytest.raises(BundleError):
        bundle(entry)


def test_error_names_a_missing_file_and_its_importer(tmp_path):
    entry = write_modules(tmp_path, entry=f'import {{ a }} from "./missing.js";\n{ENTRY}')
    with pytest.raises(BundleError, match=r"entry\.js imports .*missing\.js, which does not exist"):
        bundle(entry)


def test_only_the_entry_has_a_default_export(tmp_path):
    entry = write_modules(
        tmp_path, entry=f'import {{ a }} from "./a.js";\n{ENTRY}', a=f"export const a = 1;\n{ENTRY}"
    )
    with pytest.raises(BundleError, match=r"a\.js has a default export"):
        bundle(entry)
    (tmp_path / "entry.js").write_text("const a = 1;\n")
    with pytest.raises(BundleError, match="has no `export default function`"):
        bundle(entry)


COMPONENTS = sorted(
    folder for folder in (ROOT / "dashboard/components").iterdir() if (folder / f"{folder.name}.js").is_file()
)


@pytest.mark.parametrize("folder", COMPONENTS, ids=lambda folder: folder.name)
def test_every_component_is_bundled(folder):
    assert "export default" in bundle(folder / f"{folder.name}.js")
