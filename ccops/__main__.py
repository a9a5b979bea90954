"""The way in: answers `--version` before anything is imported, and hands all else to the commands."""

from __future__ import annotations

import sys

from ccops import __version__


def main() -> None:
    """Runs the command line."""
    if sys.argv[1:] == ["--version"]:
        print(f"ccops, version {__version__}")
        return
    from ccops.cli import main as commands

    commands(prog_name="ccops")


if __name__ == "__main__":
    main()
