"""axe-core on the current page. In: a visit. Out: serious and critical findings with their elements."""

from __future__ import annotations

import importlib.resources
from typing import Any

from .conftest import Visit


def serious(visit: Visit) -> list[str]:
    axe = importlib.resources.files("axe_playwright_python").joinpath("axe.min.js").read_text(encoding="utf-8")
    visit.page.evaluate(f"() => {{ if (!window.axe) {{ {axe} }} }}")
    found: list[dict[str, Any]] = visit.page.evaluate("async () => (await axe.run(document)).violations")
    return [
        f"{one['id']}: {node['target']} {node.get('failureSummary', '')[:160]}"
        for one in found
        if one["impact"] in {"serious", "critical"}
        for node in one["nodes"]
    ]
