"""Optimizers whose arguments are declared in their class: a rule's name, its keys, a docstring, and nothing more."""

import inspect
from collections.abc import Mapping
from dataclasses import InitVar
from inspect import Parameter, Signature
from typing import Any, ClassVar

from typing_extensions import dataclass_transform, override

from fanion._options import ADAMW_ARGUMENTS, STEP_OPTIONS, unknown_argument
from fanion._rule_text import RULE_KEYS, rule_text
from fanion.optimizer import LmoOptimizer


@dataclass_transform(eq_default=False, kw_only_default=True)
class DeclaredOptimizer(LmoOptimizer):
    """Base of the classes that declare what they take.

    >>> class FNeon(TripletOptimizer, rule="f-neon"):
    ...     '''D = …'''
    ...     alpha: InitVar[float] = 0.5

    An `InitVar` in the body is an argument of `__init__`, by keyword unless the class says kw_only=False, as in a
    dataclass, which is what type checkers take it for; `inspect.signature` has all of them. Those that are no option of
    the step are keys of the rule; a group keeps them, and `rule_of` writes "f-neon:alpha=0.5,…" from them.
    """

    _arguments: ClassVar[tuple[Parameter, ...]] = ()
    _rule: ClassVar[str]
    _keys: ClassVar[tuple[str, ...]] = ()
    _before: ClassVar[Mapping[str, Any]] = {}
    """Keys that groups saved by older versions lack, with the value that does what those did."""

    def __init_subclass__(cls, *, rule: str | None = None, kw_only: bool = True, **rest: Any) -> None:
        super().__init_subclass__(**rest)
        found = {name: of.type for name, of in inspect.get_annotations(cls).items() if isinstance(of, InitVar)}
        kind = Parameter.KEYWORD_ONLY if kw_only else Parameter.POSITIONAL_OR_KEYWORD
        own = [Parameter(n, kind, default=cls.__dict__.get(n, Parameter.empty), annotation=t) for n, t in found.items()]
        for name in found.keys() & cls.__dict__.keys():
            delattr(cls, name)  # an argument is no attribute
        again = {p.name: p for p in own}  # an argument that is there already keeps its place, as in a dataclass
        inherited = [again.pop(p.name, p) for p in cls._arguments]
        new = list(again.values())
        # By keyword, what is special to the class comes first; by position, what it shares with others.
        cls._arguments = tuple(sorted(new + inherited if kw_only else inherited + new, key=lambda p: p.kind))
        keys = [name for name in found if name not in ("params", *STEP_OPTIONS, *ADAMW_ARGUMENTS)]
        cls._keys = (*keys, *(key for key in cls._keys if key not in keys))
        RULE_KEYS.update(keys)
        if rule is not None:
            cls._rule = rule
        if (rule is not None or (found and hasattr(cls, "_rule"))) and "__init__" not in cls.__dict__:
            declared = {p.name for p in cls._arguments}
            undeclared = [option for name, option in STEP_OPTIONS.items() if name not in declared]
            cls._arguments += tuple(Parameter(o.name, Parameter.KEYWORD_ONLY, default=o.default) for o in undeclared)
            cls.__init__ = _init(cls._arguments, cls._keys)  # type: ignore[method-assign]

    @override
    def rule_of(self, group: Mapping[str, Any]) -> str:
        return rule_text(self._rule, {**self._before, **group}, self._keys)


def _init(arguments: tuple[Parameter, ...], keys: tuple[str, ...]) -> Any:
    """An `__init__` with these arguments, of which `keys` are the rule's."""
    signature = Signature([Parameter("self", Parameter.POSITIONAL_ONLY), *arguments], return_annotation=None)

    def init(self: DeclaredOptimizer, *args: Any, **named: Any) -> None:
        for key in named:
            if key not in signature.parameters:
                raise TypeError(unknown_argument(type(self), key))
        try:
            bound = signature.bind(self, *args, **named)
        except TypeError as error:
            raise TypeError(f"{type(self).__name__}: {error}") from None
        bound.apply_defaults()
        given = {name: value for name, value in bound.arguments.items() if name != "self"}
        rule_options = {key: given.pop(key) for key in keys}
        LmoOptimizer.__init__(self, **given, rule_options=rule_options)

    init.__name__ = "__init__"
    init.__signature__ = signature  # type: ignore[attr-defined]
    return init
