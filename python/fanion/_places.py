"""Where parameters are held, also behind weight_norm, spectral_norm, pruning and other parametrizations."""

from dataclasses import dataclass, field

from torch import nn
from torch.nn import Parameter
from torch.nn.utils.parametrizations import _WeightNorm
from torch.nn.utils.parametrize import ParametrizationList
from torch.nn.utils.prune import BasePruningMethod
from torch.nn.utils.spectral_norm import SpectralNorm
from torch.nn.utils.weight_norm import WeightNorm


@dataclass(frozen=True)
class Place:
    """A place that a parameter is held at, and what it is there."""

    name: str
    """As in `model.named_parameters(remove_duplicate=False)`."""
    module_name: str
    module: nn.Module
    """The module whose attribute it is; of a parametrized attribute the module that has this attribute."""
    attribute: str
    """"weight", and so on, also where it is held as "weight_v" or "parametrizations.weight.original1"."""
    is_magnitude: bool = False
    """Whether it is the ‖v‖ of weight_norm's w = g·v/‖v‖: one number per row, whatever its shape."""


@dataclass
class Owned:
    """A parameter with every place it is held at; the first name is the one `model.named_parameters()` gives."""

    parameter: Parameter
    places: list[Place] = field(default_factory=list)

    @property
    def name(self) -> str:
        """The first name."""
        return self.places[0].name

    @property
    def names(self) -> list[str]:
        """All names."""
        return [place.name for place in self.places]


def owned_parameters(model: nn.Module) -> list[Owned]:
    """Every parameter once, in the order of `model.parameters()`."""
    owned: dict[int, Owned] = {}
    for module_name, module in model.named_modules():
        for leaf, parameter in module.named_parameters(recurse=False, remove_duplicate=False):
            place = _place(model, module_name, module, leaf)
            owned.setdefault(id(parameter), Owned(parameter)).places.append(place)
    return list(owned.values())


def _place(model: nn.Module, module_name: str, module: nn.Module, leaf: str) -> Place:
    name = f"{module_name}.{leaf}" if module_name else leaf
    if isinstance(module, ParametrizationList):
        # It is X.parametrizations.weight, of the module X.
        *owner, _, attribute = module_name.split(".")
        normalised = any(isinstance(parametrization, _WeightNorm) for parametrization in module)
        if leaf == "original" or normalised:
            held_by = ".".join(owner)
            return Place(name, held_by, model.get_submodule(held_by), attribute, is_magnitude=leaf == "original0")
    for hook in module._forward_pre_hooks.values():
        match hook:
            case WeightNorm() if leaf in (f"{hook.name}_g", f"{hook.name}_v"):
                return Place(name, module_name, module, hook.name, is_magnitude=leaf == f"{hook.name}_g")
            case SpectralNorm() if leaf == f"{hook.name}_orig":
                return Place(name, module_name, module, hook.name)
            case BasePruningMethod() if leaf == f"{hook._tensor_name}_orig":
                return Place(name, module_name, module, hook._tensor_name)
    return Place(name, module_name, module, leaf)
