"""`python3 app.py`: sets up what is missing, then starts the program. Start here, with any Python from 3.10 to 3.13.

The check below runs before anything of ours is imported, so this file keeps to what Python 3.6 can read.
"""

import shutil
import subprocess
import sys

FITTING = [(3, 12), (3, 11), (3, 13), (3, 10)]  # preferred first


def advice(version: "tuple[int, ...]", found: "list[str]") -> str:
    """The message for an unsupported Python `version` (major, minor); "" if it is supported.

    `found` names the supported Pythons on this machine, best first.
    """
    if version in FITTING:
        return ""
    way_out = f"Run: {found[0]} app.py" if found else "Install Python 3.12 from python.org and run app.py with it."
    return f"This program needs Python 3.10 to 3.13, and this is Python {version[0]}.{version[1]}. {way_out}"


def starts(name: str) -> bool:
    """True when a program of this name is on the path and really is a Python."""
    path = shutil.which(name)
    return path is not None and subprocess.call([path, "-c", ""], stderr=subprocess.DEVNULL) == 0


def main() -> int:
    """Refuse a Python that does not fit, else set up and start."""
    version = tuple(sys.version_info[:2])
    if version not in FITTING:
        others = [f"python{major}.{minor}" for major, minor in FITTING]
        print(advice(version, [name for name in others if starts(name)]), file=sys.stderr)
        return 1
    from qwen3tts_webui import bootstrap

    return bootstrap.main(sys.argv[1:])


if __name__ == "__main__":
    sys.exit(main())
