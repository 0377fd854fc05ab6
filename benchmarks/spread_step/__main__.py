"""Seconds of a step whose matrices are split over processes, at several bandwidths of the links between them.

    python -m benchmarks.spread_step                                   # two blocks of GPT-2 small, 2 hosts
    python -m benchmarks.spread_step --hosts 4 --gbit 0.1 1 --blocks 1 --only gathering D-Fanion

Every process has a thread, a network namespace and one link, shaped in both directions (network.py; needs root and
iproute2). It holds the same number of rows of every matrix, of its gradient and of its momentum, as FSDP2 does. "plain"
are Muon and Dion as one writes them first (plain.py), "gathering alone" finds no directions; the others are fanion's.
In every round each of them steps once, all processes beginning together; a step's time is that of the slowest. Prints
the median and the range of them, how many times as long the first of the gathering ones takes in the same round, and
the bytes that a process sends, as its link counts them.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import statistics
import subprocess
import sys
from pathlib import Path
from typing import Any

from benchmarks.spread_step.network import Network
from benchmarks.spread_step.process import CONTESTANTS, GATHERING, Settings


def start(network: Network, host: int, settings: Settings) -> subprocess.Popen[str]:
    """The process of a host."""
    environment = {
        **os.environ,
        "RANK": str(host),
        "WORLD_SIZE": str(network.hosts),
        "MASTER_ADDR": network.address(0),
        "MASTER_PORT": "29400",
        "GLOO_SOCKET_IFNAME": "eth0",
        "OMP_NUM_THREADS": "1",
    }
    command = [*network.inside(host), sys.executable, "-m", "benchmarks.spread_step.process", settings.to_json()]
    out = subprocess.PIPE if host == 0 else subprocess.DEVNULL
    return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=out, env=environment, text=True)


def measured(network: Network, gbits: list[float], settings: Settings) -> list[dict[str, Any]]:
    """What the first host says of each bandwidth."""
    processes = [start(network, host, settings) for host in range(network.hosts)]
    found = []
    try:
        for gbit in gbits:
            network.limit(gbit)
            for process in processes:
                assert process.stdin is not None
                print("go", file=process.stdin, flush=True)
            assert processes[0].stdout is not None
            line = processes[0].stdout.readline()
            if not line:
                raise RuntimeError("the first host's process has ended; its error is above")
            found.append({"gbit": gbit, **json.loads(line)})
    finally:
        for process in processes:
            process.kill()
            process.wait()
    return found


def text_of(of_rate: dict[str, Any]) -> str:
    """A table of one bandwidth."""
    asked = f"{of_rate['gbit']:g} Gbit/s" if of_rate["gbit"] else "no limit"
    lines = [f"{asked}; a transfer of 32 MB went at {of_rate['transfer_gbit']:.2f}"]
    gathering = of_rate["seconds"].get(GATHERING)
    for name, seconds in of_rate["seconds"].items():
        median, least, most = (1e3 * f(seconds) for f in (statistics.median, min, max))
        line = f"{name:22} {median:8.1f} ms ({least:.1f} … {most:.1f})  {of_rate['sent'][name] / 1e6:8.2f} MB"
        if gathering:
            ratios = [g / s for g, s in zip(gathering, seconds, strict=True)]
            line += f"  gathering takes {statistics.median(ratios):6.2f} times as long ({min(ratios):.2f} …)"
        lines.append(line)
    return "\n".join(lines)


def processor() -> str:
    """What the machine says it is."""
    found = re.search(r"^model name\s*: (.*)$", Path("/proc/cpuinfo").read_text(), re.MULTILINE)
    return found[1] if found else "unknown processor"


def main() -> None:
    """Measures and prints."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--hosts", type=int, default=2, help="a divisor of 768")
    parser.add_argument("--gbit", type=float, nargs="+", default=[0.1, 1, 0], help="of every link; 0: no limit")
    parser.add_argument("--blocks", type=int, default=2, help="of GPT-2 small, 7.1 M entries each")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--only", nargs="+", metavar="PART", default=[""], help="those whose name contains one")
    parser.add_argument("--json", type=Path)
    given = parser.parse_args()
    if given.hosts < 2 or 768 % given.hosts:
        parser.error(f"--hosts {given.hosts} must divide 768, and be 2 at least")
    names = [name for name in CONTESTANTS if any(part in name for part in given.only)]
    if not names:
        parser.error(f"--only {' '.join(given.only)}: none of {', '.join(CONTESTANTS)}")
    settings = Settings(given.blocks, given.rounds, names)
    print(f"{given.hosts} hosts, {given.blocks} blocks of GPT-2 small, {given.rounds} rounds, {processor()}")
    with Network(given.hosts) as network:
        found = measured(network, given.gbit, settings)
    for of_rate in found:
        print(f"\n{text_of(of_rate)}")
    apart = found[0]["apart"]
    print("\nafter those steps, ‖W − W_plain‖/‖W_plain − W₀‖: " + ", ".join(f"{n} {e:.1e}" for n, e in apart.items()))
    if given.json:
        arguments = {key: str(value) for key, value in vars(given).items()}
        given.json.write_text(json.dumps({"arguments": arguments, "found": found}, indent=1))


if __name__ == "__main__":
    main()
