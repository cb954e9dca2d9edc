"""Builds the server as one wheel, the same bytes from the same checkout: `python deploy/wheel/build.py OUT`.

It holds what the service needs and no more: the code without the desk, so that what reads testimonies is not on the
server, the pages and their translations, and the scripts as `make scripts` built them.
"""

import configparser
import contextlib
import hashlib
import io
import os
import re
import shutil
import sys
import tempfile
from pathlib import Path

from setuptools import build_meta

ROOT = Path(__file__).parent.parent.parent
_PARTS = ("intake", "templates/site", "translations")
_LEFT_OUT = re.compile(r"intake/(desk|site/browser)/|.*/__pycache__/|.*\.egg-info/|translations/[^/]+$")
_EARLIEST = "315532800"  # 1 January 1980, the first day of a zip: no clock of the building machine may show
_SCRIPTS = ROOT / "intake" / "site" / "static" / "form.js"


def build(out: Path) -> None:
    """Write the wheel, and its SHA-256 beside it. Raises SystemExit with one line if it cannot."""
    if not _SCRIPTS.exists():
        sys.exit("The pages' scripts are not built. To build them: make scripts")
    out.mkdir(parents=True, exist_ok=True)
    os.umask(0o022)
    os.environ["SOURCE_DATE_EPOCH"] = _EARLIEST
    with tempfile.TemporaryDirectory() as folder:
        _lay_out(Path(folder))
        os.chdir(folder)
        # Not compressed: it must not depend on the zlib of the machine.
        with contextlib.redirect_stdout(io.StringIO()):
            path = out / build_meta.build_wheel(str(out), {"--build-option": ["--compression=stored"]})
        os.chdir(out)
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    path.with_name(f"{path.name}.sha256").write_text(f"{digest}  {path.name}\n")
    print(f"{path}: SHA-256 {digest}")


def _lay_out(folder: Path) -> None:
    """Copy what belongs into the wheel, with pages and translations inside the package."""
    for part in _PARTS:
        for path in sorted((ROOT / part).rglob("*")):
            name = path.relative_to(ROOT).as_posix()
            if path.is_file() and not _LEFT_OUT.match(name):
                target = folder / (name if part == "intake" else f"intake/{name}")
                target.parent.mkdir(parents=True, exist_ok=True)
                target.write_bytes(path.read_bytes())
    shutil.copyfile(ROOT / "LICENSE", folder / "LICENSE")
    config = configparser.ConfigParser()
    config.read(ROOT / "setup.cfg")
    config["options.package_data"] = {"intake": "**/*"}
    scripts = config["options.entry_points"]["console_scripts"].split("\n")
    config["options.entry_points"]["console_scripts"] = "\n".join(line for line in scripts if "intake.desk" not in line)
    with (folder / "setup.cfg").open("w") as file:
        config.write(file)


if __name__ == "__main__":
    build(Path(sys.argv[1]).absolute())
