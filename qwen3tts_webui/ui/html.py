"""Our own pieces of HTML in a Gradio page. In: markup written by us. Out: a component that shows it and nothing else.

Words are put in by the browser (`data-i18n="key"`, assets/web/state/i18n.js). Text of people never enters a template:
Gradio runs `${...}` and `{{...}}` in them as code.
"""

from __future__ import annotations

import gradio as gr


def html(markup: str, *, elem_id: str) -> gr.HTML:
    """`markup` as it stands; a template character in it is a programming error."""
    assert "${" not in markup and "{{" not in markup
    return gr.HTML(html_template=markup, js_on_load=None, elem_id=elem_id, apply_default_css=False)
