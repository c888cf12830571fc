"""Ctrl-C ends a command with a line, wherever it is."""

import json
import os
import socket
import subprocess
import sys
import threading
from pathlib import Path

from deploy.local.description import write_description
from tests.unit.oms.conftest import Oms, press_ctrl_c
from tests.unit.oms.stack import Answer, Services
from tests.unit.oms.test_publish import ORDER

INTERRUPTED_WHILE_IT_LOADS = """
def find_spec(name, path, target=None):
    if name == "oms.cli":
        raise KeyboardInterrupt

import sys, types
sys.meta_path.insert(0, types.SimpleNamespace(find_spec=find_spec))
"""


def test_a_question_that_is_interrupted_says_so(oms: Oms, services: Services, ctrl_c: Answer) -> None:
    services.answer("GET", "/order/orders", ctrl_c)

    assert oms("orders") == (130, "", "oms: stopped\n")


def test_a_publish_that_is_interrupted_says_how_much_was_acknowledged(
    oms: Oms, services: Services, tmp_path: Path
) -> None:
    file = tmp_path / "orders.ndjson"
    file.write_text(json.dumps(ORDER) + "\n" + json.dumps({**ORDER, "channel_order_id": "W-2"}))
    with socket.create_server(("127.0.0.1", 0)) as broker:
        address = f"127.0.0.1:{broker.getsockname()[1]}"
        write_description(tmp_path, services.description().model_copy(update={"kafka": address}))

        def interrupt() -> None:
            with broker.accept()[0]:
                press_ctrl_c()
                over.wait(30)

        over = threading.Event()
        thread = threading.Thread(target=interrupt)
        thread.start()

        ended = oms("publish", str(file))

        over.set()
        thread.join()
    told = "stopped when 0 of 2 orders were acknowledged; publish the file again, which doubles nothing"
    assert ended == (130, "", f"oms: {told}\n")


def test_a_command_that_is_interrupted_while_it_loads_says_so(tmp_path: Path) -> None:
    (tmp_path / "sitecustomize.py").write_text(INTERRUPTED_WHILE_IT_LOADS)
    path = os.pathsep.join([str(tmp_path), *sys.path])

    ended = subprocess.run(
        [sys.executable, "-m", "oms", "orders"],
        env={**os.environ, "PYTHONPATH": path},
        capture_output=True,
        text=True,
        check=False,
    )

    assert (ended.returncode, ended.stdout, ended.stderr) == (130, "", "oms: stopped\n")
