"""What `pip install ./clients/python` brings."""

from __future__ import annotations

import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

FOLDER = Path(__file__).parents[2]


def test_the_wheel_has_every_module_and_its_types(tmp_path):
    source = tmp_path / "source"
    shutil.copytree(FOLDER, source, ignore=shutil.ignore_patterns("tests", "__pycache__"))
    pip = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-index", "--no-deps"]
    subprocess.run(
        [*pip, "--no-build-isolation", "--wheel-dir", str(tmp_path), str(source)],
        check=True,
        timeout=120,
    )
    names = zipfile.ZipFile(next(tmp_path.glob("*.whl"))).namelist()

    package = FOLDER / "src"
    wanted = {str(p.relative_to(package)) for p in package.rglob("*.py")}
    assert wanted | {"switchboard_client/py.typed"} <= set(names)
