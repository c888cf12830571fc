"""What makes a stack the same one after a restart."""

import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from deploy.local.identity import load_identity

AT_ONCE = 8


def test_all_that_begin_at_once_get_the_identity_that_stays(tmp_path: Path) -> None:
    for number in range(20):
        state, together = tmp_path / str(number), threading.Barrier(AT_ONCE)

        def begin(_: int, state: Path = state, together: threading.Barrier = together) -> str:
            together.wait()
            return load_identity(state).secret

        with ThreadPoolExecutor(AT_ONCE) as pool:
            found = set(pool.map(begin, range(AT_ONCE)))

        assert found == {load_identity(state).secret}
