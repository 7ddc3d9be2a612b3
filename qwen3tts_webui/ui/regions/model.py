"""Model and machine, below the studio: available models, download progress, diagnostics.

Filled by assets/web/regions/models/ from /api/models and /api/doctor; collapsed at first.
"""

from __future__ import annotations

from qwen3tts_webui.ui.html import html

_REGION = """
<link rel="stylesheet" href="studio/regions/models/models.css">
<details id="machine">
 <summary><b data-i18n="models.title"></b><span id="model-summary" role="status"></span></summary>
 <div class="machine">
  <section>
   <h2 data-i18n="models.choose"></h2>
   <div id="machine-models"></div>
   <label class="mirror"><span data-i18n="models.mirror"></span>
    <select id="machine-mirror"></select></label>
   <div id="machine-download" hidden><progress id="machine-bar" max="1"></progress><p id="download-progress"></p></div>
   <p id="machine-problem" role="alert" hidden></p>
  </section>
  <section>
   <h2 data-i18n="diagnostics.title"></h2>
   <ul id="machine-lines"></ul>
   <button type="button" id="rerun-checks" data-i18n="diagnostics.again"></button>
  </section>
 </div>
</details>"""


def model_region() -> None:
    """Draw the region. No Gradio event uses its components."""
    html(_REGION, elem_id="machine-block")
