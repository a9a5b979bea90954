"""One MariaDB for all tests of this folder; where none is installed they are skipped, and say so."""

from __future__ import annotations

import warnings
from collections.abc import Iterator

import pytest

from tests.mariadb.server import MISSING, SERVER, Server, has_grants, running


@pytest.fixture(scope="session")
def mariadb() -> Iterator[Server]:
    """A server whose zone is five hours west of UTC, as the day in `tests.callcentre.service_day`."""
    if SERVER is None:
        warnings.warn(MISSING, stacklevel=1)
        pytest.skip(MISSING)
    with running("-05:00") as server:
        yield server


@pytest.fixture(scope="session")
def strict_mariadb() -> Iterator[Server]:
    """Another one, which has grant tables and asks who one is."""
    if not has_grants():
        warnings.warn(MISSING, stacklevel=1)
        pytest.skip(MISSING)
    with running("-05:00", grants=True) as server:
        yield server
