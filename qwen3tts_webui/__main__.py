"""`python -m qwen3tts_webui`: the command line, in an environment that somebody else has set up."""

import sys

from qwen3tts_webui.cli import main

sys.exit(main())
