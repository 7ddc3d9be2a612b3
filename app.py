"""`python3 app.py`: install what is missing, then start the program. Requires Python 3.10 to 3.13.

The version check runs before any other module is imported, so this file must stay readable for Python 3.6.
"""

import shutil
import subprocess
import sys

SUPPORTED = [(3, 12), (3, 11), (3, 13), (3, 10)]  # preferred first


def advice(version: "tuple[int, ...]", found: "list[str]") -> str:
    """The message for an unsupported Python `version` (major, minor); "" if it is supported.

    `found` names the supported Pythons on this machine, best first.
    """
    if version in SUPPORTED:
        return ""
    fix = f"Run: {found[0]} app.py" if found else "Install Python 3.12 from python.org and run app.py with it."
    return f"This program needs Python 3.10 to 3.13, and this is Python {version[0]}.{version[1]}. {fix}"


def starts(name: str) -> bool:
    """Return True if a program of this name is on the path and is a Python."""
    path = shutil.which(name)
    return path is not None and subprocess.call([path, "-c", ""], stderr=subprocess.DEVNULL) == 0


def main() -> int:
    """Reject an unsupported Python, else install and start."""
    version = tuple(sys.version_info[:2])
    if version not in SUPPORTED:
        others = [f"python{major}.{minor}" for major, minor in SUPPORTED]
        print(advice(version, [name for name in others if starts(name)]), file=sys.stderr)
        return 1
    from qwen3tts_webui import bootstrap

    return bootstrap.main(sys.argv[1:])


if __name__ == "__main__":
    sys.exit(main())
