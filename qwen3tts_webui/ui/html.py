"""Static HTML in a Gradio page. In: trusted markup. Out: a component that shows it.

Text is inserted by the browser (`data-i18n="key"`, assets/web/state/i18n.js). User input never enters a
template: Gradio runs `${...}` and `{{...}}` in them as code.
"""

from __future__ import annotations

import gradio as gr


def html(markup: str, *, elem_id: str) -> gr.HTML:
    """Return a component that shows `markup`, which must not contain template syntax."""
    assert "${" not in markup and "{{" not in markup
    return gr.HTML(html_template=markup, js_on_load=None, elem_id=elem_id, apply_default_css=False)
