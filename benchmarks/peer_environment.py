"""A virtual environment for a peer from PyPI, outside the checkout, made when it is missing.

It sees the packages of the running interpreter (torch above all), but what is installed goes into
it alone: the project's own environment is never changed.
"""

import os
import subprocess
import sys
import sysconfig
import venv
from pathlib import Path

CACHE = Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache")) / "xc-benchmarks"


def peer_python(name: str, requirements: list[str]) -> Path:
    """The interpreter of a peer's environment."""
    folder = CACHE / name
    python = folder / "bin" / "python"
    done = folder / "installed"
    if not done.is_file() or done.read_text() != "\n".join(requirements):
        print(f"installing {', '.join(requirements)} for comparison", file=sys.stderr)
        venv.create(folder, with_pip=True, clear=True)
        _see_packages_of_this_interpreter(folder)
        install = [str(python), "-m", "pip", "install", "--quiet", *requirements]
        subprocess.run(install, check=True)
        done.write_text("\n".join(requirements))
    return python


def _see_packages_of_this_interpreter(folder: Path) -> None:
    version = f"python{sys.version_info.major}.{sys.version_info.minor}"
    site = folder / "lib" / version / "site-packages"
    (site / "zz_of_the_project.pth").write_text(sysconfig.get_path("purelib") + "\n")
