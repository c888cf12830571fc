"""How rarely a process looks for garbage: what it holds either lives as long as it does or goes by itself."""

import gc


def collect_rarely() -> None:
    """Keep what is loaded by now for good, and look for garbage after half a million new objects.

    The collector's own pace walks through what a batch holds again and again, and finds next to nothing: half the
    time of a process that reads a log.
    """
    gc.freeze()
    gc.set_threshold(500_000, 20, 100)
    gc.enable()
