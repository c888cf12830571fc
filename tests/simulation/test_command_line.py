"""`make simulate` tells how far it is, and can be interrupted without losing what was found."""

import re
import signal
import subprocess
import sys


def test_a_run_that_is_interrupted_says_how_to_go_on() -> None:
    # given worlds that take a while, and nobody's terminal
    seeds = ("--seeds", "200", "--from", "1000", "--orders", "3", "--faults", "2")
    with subprocess.Popen(
        [sys.executable, "-m", "tests.simulation", *seeds],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    ) as running:
        # when it is interrupted after it has told that it is on its way
        assert running.stdout is not None
        first = running.stdout.readline()
        running.send_signal(signal.SIGINT)
        told, complaints = running.communicate(timeout=60)

    # then it names the first seed that is left, and says no more than that
    assert first == "10 of 200 worlds hold\n"
    assert re.search(r"stopped after \d+ worlds, which hold; FROM=1\d{3} goes on", told)
    assert (complaints, running.returncode) == ("", 130)
