"""The way in: answers `--version` before anything is imported, and hands all else to the commands."""

from __future__ import annotations

import sys
import time

from ccops import __version__


def main() -> None:
    """Runs the command line. `began` is when this process began: what a limit in all is counted from."""
    began = time.monotonic()
    if sys.argv[1:] == ["--version"]:
        print(f"ccops, version {__version__}")
        return
    from ccops.cli import main as commands

    commands(prog_name="ccops", obj={"began": began})


if __name__ == "__main__":
    main()
