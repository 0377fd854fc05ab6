"""The peers."""

from benchmarks.topk_svd.contestant import Contestant
from benchmarks.topk_svd.krylov_peers import Arpack, Primme, Propack
from benchmarks.topk_svd.power_peers import PowerIteration, RandomizedSvd, SvdLowrank

PEERS: list[Contestant] = [Arpack(), Propack(), Primme(), RandomizedSvd(), SvdLowrank(), PowerIteration()]
