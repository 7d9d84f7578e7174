"""Make a minion's room of jobs."""

import pytest

from tests.minion.jobs.house import Minion


@pytest.fixture
def make(tmp_path):
    return lambda **options: Minion(tmp_path, **options)
