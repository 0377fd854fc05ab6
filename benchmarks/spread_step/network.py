"""Hosts on one machine whose links have a set bandwidth: network namespaces on a bridge, shaped by tc.

Needs root, iproute2 and a kernel with veth, bridge and tbf.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from types import TracebackType

NETWORK = "10.77.0"  # /24, in namespaces of its own
BURST = 64 * 1024  # bytes that may leave at once: the largest packet that Linux hands to a link


def run(*words: str) -> None:
    """A command; RuntimeError with what it says where it fails."""
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise RuntimeError(f"{' '.join(words)}: {done.stderr.strip()}")


class Network:
    """`hosts` namespaces, each with one full-duplex link to the same bridge; they exist while the object is entered."""

    def __init__(self, hosts: int) -> None:
        if os.geteuid() != 0 or shutil.which("ip") is None or shutil.which("tc") is None:
            raise RuntimeError("network namespaces need root and the commands ip and tc (Debian's iproute2)")
        self.hosts = hosts
        self._name = f"spread{os.getpid()}"

    def __enter__(self) -> Network:
        try:
            self._make()
        except BaseException:
            self._remove()
            raise
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._remove()

    def inside(self, host: int) -> list[str]:
        """The words before a command that is to run on a host."""
        return ["ip", "netns", "exec", f"{self._name}h{host}"]

    @staticmethod
    def address(host: int) -> str:
        """Of a host."""
        return f"{NETWORK}.{host + 1}"

    def limit(self, gbit: float) -> None:
        """Both directions of every link carry so many Gbit/s; 0: what the machine gives."""
        for host in range(self.hosts):
            for within, link in ((self.inside(host), "eth0"), (self._in_bridge(), f"port{host}")):
                if gbit:
                    shape = ["tbf", "rate", f"{gbit * 1e3:.0f}mbit", "burst", str(BURST), "limit", str(2**22)]
                    run(*within, "tc", "qdisc", "replace", "dev", link, "root", *shape)
                else:
                    free = [*within, "tc", "qdisc", "del", "dev", link, "root"]
                    subprocess.run(free, capture_output=True, check=False)  # fails where there was no limit

    def _in_bridge(self) -> list[str]:
        return ["ip", "netns", "exec", f"{self._name}bridge"]

    def _names(self) -> list[str]:
        return [f"{self._name}bridge", *(f"{self._name}h{host}" for host in range(self.hosts))]

    def _make(self) -> None:
        for name in self._names():
            run("ip", "netns", "add", name)
        hub = self._names()[0]
        run(*self._in_bridge(), "ip", "link", "add", "bridge", "type", "bridge")
        run(*self._in_bridge(), "ip", "link", "set", "bridge", "up")
        for host in range(self.hosts):
            run("ip", "link", "add", f"port{host}", "netns", hub, "type", "veth", "peer", "name", "eth0", "netns",
                self._names()[host + 1])  # fmt: skip
            run(*self._in_bridge(), "ip", "link", "set", f"port{host}", "master", "bridge", "up")
            for link in ("lo", "eth0"):
                run(*self.inside(host), "ip", "link", "set", link, "up")
            run(*self.inside(host), "ip", "address", "add", f"{self.address(host)}/24", "dev", "eth0")

    def _remove(self) -> None:
        for name in self._names():
            subprocess.run(["ip", "netns", "del", name], capture_output=True, check=False)
