"""Join the page's JavaScript modules into one: a browser needs several milliseconds for each request.

In: sources by path, in the style of assets/web: imports are `import { a, b as c } from "./x.js";` and without cycles,
exports are `export class`, `const` or `function`. Out: one module, in which all but the first are functions that are
called once and return their exports.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Mapping

_IMPORT = re.compile(r'^import \{([^}]*)\} from "(\.[^"]+)";$', re.MULTILINE)
_EXPORT = re.compile(r"^export ((?:async )?(?:class|const|function) (\w+))", re.MULTILINE)
_OTHER = re.compile(r"^(?:import|export)\b.*|.*(?<!#)\bimport\(.*", re.MULTILINE)


def join_modules(sources: Mapping[str, str], entry: str) -> str:
    """Return `entry` with everything it imports, to be served from the folder that the paths are relative to.

    Raises `ValueError` if an import or export has another form.
    """
    names: dict[str, str] = {}  # path -> the constant that holds the exports
    parts: list[str] = []

    def add(path: str) -> str:
        """Add `path` to `parts`, after what it imports; return its body."""
        source = sources[path].replace("import.meta.url", f'new URL("{path}", import.meta.url)')
        for _, name in _IMPORT.findall(source):
            imported = _resolve(path, name)
            if imported not in names:
                body = add(imported)
                names[imported] = f"module{len(names)}"
                parts.append(f"const {names[imported]} = (() => {{ // {imported}\n{body}}})();\n")
        source = _IMPORT.sub(lambda found: _constants(found[1], names[_resolve(path, found[2])]), source)
        exports = ", ".join(name for _, name in _EXPORT.findall(source))
        source = _EXPORT.sub(r"\1", source)
        if other := _OTHER.search(source):
            raise ValueError(f"{path}: cannot join {other[0]!r}")
        return source + f"return {{ {exports} }};\n" * bool(exports)

    body = add(entry)
    return "".join([*parts, body])


def _constants(names: str, module: str) -> str:
    return f"const {{{names.replace(' as ', ': ')}}} = {module};"


def _resolve(path: str, name: str) -> str:
    return posixpath.normpath(posixpath.join(posixpath.dirname(path), name))
