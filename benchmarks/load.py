"""Load on a server over loopback: does it hold, and does everybody get their own answer?

``python -m benchmarks.load`` starts ``multimodal serve`` and asks it as many clients at once. Every client sends
phantom patients under a name that only it uses and compares the answer with the one given when nobody else asked.
Meanwhile decoding processes of the server are killed. Counted are the answers by status, errors of any other kind,
answers that are not their asker's, the memory of the server and its decoders over time, and what the kills cost.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import secrets
import signal
import statistics
import subprocess
import sys
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import httpx2

from multimodal.phantom import write_cohort

_MIB = 1 << 20


@dataclass
class Tally:
    """What was seen."""

    statuses: Counter[str] = field(default_factory=Counter)
    seconds: list[float] = field(default_factory=list)
    crossed: int = 0
    lost: int = 0
    killed: int = 0
    memory: list[float] = field(default_factory=list)


def patients(url: str, count: int) -> list[tuple[dict[str, bytes], dict[str, Any]]]:
    """Files of phantom patients, and the server's answer for each while nobody else asks."""
    made = []
    with TemporaryDirectory() as folder, httpx2.Client(base_url=url, timeout=120, trust_env=False) as http:
        write_cohort(count, Path(folder), 0)
        for each in sorted(path for path in Path(folder).iterdir() if path.is_dir()):
            files = {path.name: path.read_bytes() for path in sorted(each.iterdir())}
            answer = http.post("/v1/diagnose", files=[("file", file) for file in files.items()]).raise_for_status()
            made.append((files, essence(answer.json())))
    return made


def essence(answer: dict[str, Any]) -> dict[str, Any]:
    """What must not differ, whoever else asks."""
    return {name: answer[name] for name in ("labels", "by_modality", "by_subset", "shares", "items")}


async def client(number: int, http: httpx2.AsyncClient, made: list[Any], end: float, tally: Tally) -> None:
    """One client: asks again and again, under names of its own."""
    turn = number
    while time.monotonic() < end:
        files, expected = made[turn % len(made)]
        turn += 1
        canary = f"canary-{number}-{secrets.token_hex(8)}"
        start = time.perf_counter()
        try:
            answer = await http.post(
                "/v1/diagnose", files=[("file", file) for file in files.items()], data={"case_id": canary}
            )
        except httpx2.HTTPError as error:
            tally.statuses[type(error).__name__] += 1
            continue
        tally.statuses[str(answer.status_code)] += 1
        if answer.status_code == 429:
            await asyncio.sleep(float(answer.headers["retry-after"]) * (0.5 + secrets.randbelow(1000) / 1000))
            continue
        tally.seconds.append(time.perf_counter() - start)
        said = answer.json()
        if answer.status_code == 200:
            lost = any(notice["code"] == "decoder_failed" for notice in said["warnings"])
            tally.lost += lost
            tally.crossed += said["case_id"] != canary or (not lost and essence(said) != expected)


def family(root: int) -> dict[int, int]:
    """Process ids of the server and its decoders, with their resident bytes (Linux)."""
    found = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdecimal():
            try:
                stat = (entry / "stat").read_text().rpartition(")")[2].split()
                if root in (int(entry.name), int(stat[1])):
                    found[int(entry.name)] = int(stat[21]) * os.sysconf("SC_PAGE_SIZE")
            except OSError:
                continue
    return found


async def watch(root: int, end: float, kills: int, tally: Tally) -> None:
    """Read the server's memory every second, and kill a decoder now and then."""
    start, length = time.monotonic(), end - time.monotonic()
    while time.monotonic() < end:
        processes = family(root)
        tally.memory.append(sum(processes.values()) / _MIB)
        due = int(kills * (time.monotonic() - start) / length)
        decoders = sorted(set(processes) - {root})
        if tally.killed < due and decoders:
            os.kill(secrets.choice(decoders), signal.SIGKILL)
            tally.killed += 1
        await asyncio.sleep(1)


async def load(url: str, root: int, clients: int, seconds: float, kills: int, made: list[Any]) -> Tally:
    """Run all clients until the time is up."""
    tally, end = Tally(), time.monotonic() + seconds
    async with httpx2.AsyncClient(base_url=url, timeout=120, trust_env=False, limits=httpx2.Limits()) as http:
        asking = (client(number, http, made, end, tally) for number in range(clients))
        await asyncio.gather(watch(root, end, kills, tally), *asking)
    return tally


def started(port: int) -> tuple[subprocess.Popen[bytes], str]:
    """A server of its own process, ready."""
    program = "from multimodal.cli import main; main()"
    server = subprocess.Popen(  # noqa: S603 - this interpreter, and code of this package
        [sys.executable, "-c", program, "serve", "--device", "cpu", "--port", str(port)]
    )
    url = f"http://127.0.0.1:{port}"
    while True:
        try:
            if httpx2.get(f"{url}/readyz", trust_env=False).status_code == 200:
                return server, url
        except httpx2.HTTPError:
            if server.poll() is not None:
                raise SystemExit("The server did not start.") from None
        time.sleep(0.5)


def report(tally: Tally, clients: int, seconds: float, stop_s: float, code: int) -> dict[str, Any]:
    """The figures."""
    ordered = sorted(tally.seconds)
    third = len(tally.memory) // 3
    early, late = (
        statistics.median(part) for part in (tally.memory[third : 2 * third + 1], tally.memory[-third - 1 :])
    )
    return {
        "clients": clients,
        "seconds": seconds,
        "statuses": dict(tally.statuses),
        "cases_per_s": round(tally.statuses["200"] / seconds, 2),
        "p50_s": round(statistics.median(ordered), 3) if ordered else None,
        "p99_s": round(ordered[int(0.99 * (len(ordered) - 1))], 3) if ordered else None,
        "crossed": tally.crossed,
        "decoders_killed": tally.killed,
        "answers_that_tell_of_a_lost_decoder": tally.lost,
        "memory_mib": {"second_third": round(early), "last_third": round(late), "peak": round(max(tally.memory))},
        "stop_s": round(stop_s, 1),
        "exit_code": code,
    }


def main() -> None:
    """Run, and print the figures as JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--clients", type=int, default=100)
    parser.add_argument("--seconds", type=float, default=120)
    parser.add_argument("--kills", type=int, default=3)
    parser.add_argument("--patients", type=int, default=8)
    parser.add_argument("--port", type=int, default=8765)
    given = parser.parse_args()
    server, url = started(given.port)
    try:
        made = patients(url, given.patients)
        tally = asyncio.run(load(url, server.pid, given.clients, given.seconds, given.kills, made))
    finally:
        start = time.monotonic()
        server.send_signal(signal.SIGTERM)
        code = server.wait(60)
    figures = report(tally, given.clients, given.seconds, time.monotonic() - start, code)
    sys.stdout.write(json.dumps(figures, indent=2) + "\n")


if __name__ == "__main__":
    main()
