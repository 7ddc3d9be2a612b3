"""Print the dependencies of the image as requirements: `requirements.py PYPROJECT EXTRA...`."""

import sys
from pathlib import Path

import tomllib

project = tomllib.loads(Path(sys.argv[1]).read_text(encoding="utf-8"))["project"]
lists = [project["dependencies"], *(project["optional-dependencies"][extra] for extra in sys.argv[2:])]
sys.stdout.writelines(f"{item}\n" for items in lists for item in items)
