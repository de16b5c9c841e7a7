"""The server over the bare engine; LitServe and plain FastAPI serve the same engine for comparison."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from base64 import b64encode
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from tempfile import TemporaryDirectory
from urllib.request import Request, urlopen

import numpy as np

from benchmarks.measure import Options, Row, Skipped, seconds, summary
from benchmarks.records import sources
from multimodal import Engine, read_case

START_S = 90.0
_OURS = """
import sys, uvicorn
from multimodal.serve import Settings, create_app
app = create_app(settings=Settings(remembered=0, device=sys.argv[2]))
uvicorn.run(app, host="127.0.0.1", port=int(sys.argv[1]), log_level="error")
"""
_PLAIN = """
import sys, uvicorn
from base64 import b64decode
from fastapi import FastAPI, Response
from multimodal import Engine, read_case
app, engine = FastAPI(), Engine(device=sys.argv[2])
engine.warm_up()

@app.get("/readyz")
def ready(): return {}

@app.post("/v1/diagnose")
def diagnose(body: dict):
    case = read_case([(file["name"], b64decode(file["content_base64"])) for file in body["files"]], isolated=False)
    return Response(engine.diagnose(case).to_json(), media_type="application/json")

uvicorn.run(app, host="127.0.0.1", port=int(sys.argv[1]), log_level="error")
"""
_LITSERVE = """
import sys, litserve
from base64 import b64decode
from multimodal import Engine, read_case

class Api(litserve.LitAPI):
    def setup(self, device):
        self.engine = Engine(device=sys.argv[2])
        self.engine.warm_up()
    def decode_request(self, request):
        given = [(file["name"], b64decode(file["content_base64"])) for file in request["files"]]
        return read_case(given, isolated=False)
    def predict(self, case):
        return self.engine.diagnose(case)
    def encode_response(self, diagnosis):
        return diagnosis.to_json()

if __name__ == "__main__":
    server = litserve.LitServer(Api(api_path="/v1/diagnose"), accelerator="cpu", healthcheck_path="/readyz")
    server.run(host="127.0.0.1", port=int(sys.argv[1]), generate_client_file=False, log_level="error")
"""


def rows(options: Options) -> Iterator[Row]:
    """Median of one request after the other over a direct call, everybody in turns; embeddings are not remembered."""
    if find_spec("fastapi") is None:
        raise Skipped('the server is not installed: pip install "multimodal-diagnosis[serve]"')
    codes = {"multimodal serve": _OURS, "plain FastAPI": _PLAIN}
    if find_spec("litserve") is not None:
        codes["LitServe"] = _LITSERVE
    given = sources(0)
    engine = Engine(device=options.device)
    engine.warm_up()
    with ExitStack() as stack:
        ask = {}
        for name, code in codes.items():
            try:
                ask[name] = stack.enter_context(_server(code, options.device))
            except Skipped as reason:
                if name != "LitServe":  # which is there for comparison only
                    raise
                sys.stderr.write(f"Without LitServe: {reason}.\n")
        times: dict[str, list[float]] = {name: [] for name in ask}
        body = _body(given)
        for post in ask.values():
            post(body)
        for post in ask.values():
            post(body)
        for _ in range(options.pairs):
            direct = seconds(lambda: engine.diagnose(read_case(given, isolated=False)))
            for name, post in ask.items():
                times[name].append(seconds(partial(post, body)) / direct)
    for name, values in times.items():
        yield summary(f"{name} over a direct call, one request at a time", values)
    if "LitServe" in times:
        both = np.array(times["multimodal serve"]) / np.array(times["LitServe"])
        yield summary("multimodal serve over LitServe", both.tolist())


def _body(given: list[tuple[str, bytes]]) -> bytes:
    files = [{"name": name, "content_base64": b64encode(data).decode()} for name, data in given]
    return json.dumps({"files": files}).encode()


@contextmanager
def _server(code: str, device: str) -> Iterator[Callable[[bytes], bytes]]:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with TemporaryDirectory() as folder:  # LitServe's worker imports the file that started it
        script = Path(folder) / "server.py"
        script.write_text(code, encoding="utf-8")
        environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
        command = [sys.executable, str(script), str(port), device]
        process = subprocess.Popen(command, env=environment, start_new_session=True)  # noqa: S603
        try:
            _wait(process, f"http://127.0.0.1:{port}/readyz")
            yield lambda body: _post(f"http://127.0.0.1:{port}/v1/diagnose", body)
        finally:
            os.killpg(process.pid, signal.SIGKILL)  # LitServe's workers outlive a terminated parent
            process.wait()


def _wait(process: subprocess.Popen[bytes], url: str) -> None:
    end = time.monotonic() + START_S
    while time.monotonic() < end:
        if process.poll() is not None:
            raise Skipped(f"a server stopped at its start with code {process.returncode}")
        try:
            with urlopen(url, timeout=5):  # noqa: S310
                return
        except OSError:
            time.sleep(0.5)
    raise Skipped(f"a server was not ready within {START_S:g} seconds")


def _post(url: str, body: bytes) -> bytes:
    request = Request(url, body, {"Content-Type": "application/json"})  # noqa: S310
    with urlopen(request, timeout=120) as answer:  # noqa: S310
        return bytes(answer.read())
