"""Optimizers that step along the linear minimisation oracle of a matrix norm.

>>> groups = fanion.param_groups(model)                     # matrices to the rule, the rest to AdamW
>>> optimizer = fanion.Muon(groups, lr=0.02, adamw_lr=3e-3)

The work is done in C++ (libfanion), also under `find_package(fanion)`: `cmake_prefix_path` is where CMake finds it.
"""

import fanion._fake_ops  # noqa: F401  (what torch.compile must know of the ops)
from fanion import decomposition, linalg, norms
from fanion._cpp_archive import save_for_cpp, state_dict_from_cpp
from fanion._diagnostics import Diagnostics
from fanion._groups import param_groups
from fanion._library import PACKAGE, ops
from fanion._torch_checkpoint import state_dict_from_torch
from fanion.cosmos import Cosmos
from fanion.deflated import DFanion
from fanion.dion import Dion
from fanion.fanions import Fanion, FFanion, SFanion
from fanion.linalg import (
    PolarReport,
    SvdReport,
    SvdResult,
    newton_schulz,
    polar,
    polar_express_coefficients,
    polar_with_report,
    topk_svd,
)
from fanion.muon import FMuon, Muon, SMuon
from fanion.neon import FNeon, Neon
from fanion.nsgd import NSGD
from fanion.nu_sam import NuSAM
from fanion.optimizer import LmoOptimizer
from fanion.prox import SGD, FStarNeon, KernelNeon
from fanion.schatten import SchattenDescent
from fanion.signum import GaussSouthwell, SignSGD, Signum

__version__: str = ops.version()
cmake_prefix_path = str(PACKAGE)

__all__ = [
    "NSGD",
    "SGD",
    "Cosmos",
    "DFanion",
    "Diagnostics",
    "Dion",
    "FFanion",
    "FMuon",
    "FNeon",
    "FStarNeon",
    "Fanion",
    "GaussSouthwell",
    "KernelNeon",
    "LmoOptimizer",
    "Muon",
    "Neon",
    "NuSAM",
    "PolarReport",
    "SFanion",
    "SMuon",
    "SchattenDescent",
    "SignSGD",
    "Signum",
    "SvdReport",
    "SvdResult",
    "__version__",
    "cmake_prefix_path",
    "decomposition",
    "linalg",
    "newton_schulz",
    "norms",
    "param_groups",
    "polar",
    "polar_express_coefficients",
    "polar_with_report",
    "save_for_cpp",
    "state_dict_from_cpp",
    "state_dict_from_torch",
    "topk_svd",
]
