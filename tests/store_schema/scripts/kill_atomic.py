"""Kill a process that replaces a folder and a file again and again; what stays must be whole.

Usage: kill_atomic.py FOLDER KILLS. Prints how many kills there were, as JSON.
"""

import json
import os
import random
import signal
import sys
import time
from pathlib import Path

from xc.store_schema.atomic import atomic_path, atomic_write


def write_forever(root: Path) -> None:
    generation = 0
    while True:
        generation += 1
        with atomic_path(root / "folder") as aside:
            aside.mkdir()
            for name in ("one", "two"):
                (aside / name).write_text(f"{generation} " * 500)
        atomic_write(root / "file", f"{generation} " * 500)


def check(root: Path) -> None:
    texts = [(root / "folder" / name).read_text() for name in ("one", "two")]
    if texts[0] != texts[1] or len(set(texts[0].split())) != 1 or len(texts[0].split()) != 500:
        raise SystemExit(f"half a folder: {texts}")
    file = root / "file"
    if file.exists() and len(file.read_text().split()) != 500:
        raise SystemExit("half a file")


def main(root: Path, kills: int) -> None:
    with atomic_path(root / "folder") as aside:
        aside.mkdir()
        for name in ("one", "two"):
            (aside / name).write_text("0 " * 500)
    generator = random.Random(0)
    for _ in range(kills):
        child = os.fork()
        if child == 0:
            write_forever(root)
        time.sleep(generator.uniform(0.001, 0.02))
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
        check(root)
    print(json.dumps({"kills": kills}))


main(Path(sys.argv[1]), int(sys.argv[2]))
