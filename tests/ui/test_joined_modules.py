from __future__ import annotations

import pytest

from qwen3tts_webui.ui.joined_modules import join_modules

SOURCES = {
    "main.js": 'import { Bell } from "./a/bell.js";\nimport { ring as once } from "./a/ring.js";\nawait once(Bell);\n',
    "a/bell.js": 'import {\n  ring,\n} from "./ring.js";\n\nexport class Bell {}\n',
    "a/ring.js": "const HERE = import.meta.url;\nexport async function ring() {}\nexport const LOUD = 1;\n",
    "a/unused.js": "export const UNUSED = 1;\n",
}


def test_a_module_is_a_function_that_returns_its_exports_and_is_called_once_after_what_it_imports() -> None:
    assert join_modules(SOURCES, "main.js") == (
        "const module0 = (() => { // a/ring.js\n"
        'const HERE = new URL("a/ring.js", import.meta.url);\nasync function ring() {}\nconst LOUD = 1;\n'
        "return { ring, LOUD };\n})();\n"
        "const module1 = (() => { // a/bell.js\n"
        "const {\n  ring,\n} = module0;\n\nclass Bell {}\n"
        "return { Bell };\n})();\n"
        "const { Bell } = module1;\nconst { ring: once } = module0;\nawait once(Bell);\n"
    )


@pytest.mark.parametrize(
    "line",
    [
        'import * as all from "./a/ring.js";',
        'import "./a/ring.js";',
        "export default 1;",
        "export { Bell };",
        'const later = await import("./a/ring.js");',
    ],
)
def test_what_cannot_be_joined_is_an_error(line: str) -> None:
    with pytest.raises(ValueError, match="cannot join"):
        join_modules({**SOURCES, "main.js": SOURCES["main.js"] + line + "\n"}, "main.js")
