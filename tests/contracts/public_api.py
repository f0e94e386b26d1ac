"""The public names of the contracts, with what a caller passes: `python -m tests.contracts.public_api` prints them."""

import dataclasses
import importlib
import inspect
import pkgutil
import sys
from collections.abc import Iterator
from types import ModuleType
from typing import Any, TypeVar

import purchasing_contracts
from pydantic import BaseModel

MODULES = (
    "basis", "changes", "checking", "clients", "commands.brokerage_transfer", "commands.deduction", "commands.freeze",
    "commands.refund", "compatibility.verdict", "decisions", "envelope", "events.chargeback", "events.order",
    "events.payment", "events.seller_response", "events.warehouse_receipt", "items", "money", "open_enumerations",
    "plan", "privacy", "producing", "quarantine", "records", "schema", "shipped", "testing.messages",
    "testing.stand_in", "testing.stream", "topics", "versions",
)  # fmt: skip


def lines() -> Iterator[str]:
    """One line for each public name, sorted."""
    for name in MODULES:
        module = importlib.import_module(f"purchasing_contracts.{name}")
        for member in sorted(exported(module)):
            yield f"{name}.{member}{described(getattr(module, member))}"


def exported(module: ModuleType) -> list[str]:
    """The names that a module exports: those of `__all__`, otherwise those that it defines."""
    if hasattr(module, "__all__"):
        return list(module.__all__)
    own = []
    for name, value in vars(module).items():
        home = getattr(value, "__module__", None)
        imported = isinstance(value, ModuleType) or (home is not None and home != module.__name__)
        if not name.startswith("_") and not (imported and (inspect.isclass(value) or inspect.isfunction(value))):
            own.append(name)
    return [name for name in own if defined(module, name) and not isinstance(vars(module)[name], TypeVar)]


def defined(module: ModuleType, name: str) -> bool:
    """Whether the module's own text gives the name."""
    return any(
        line.startswith((f"{name} =", f"{name}:", f"class {name}", f"def {name}"))
        for line in inspect.getsource(module).splitlines()
    )


def described(value: object) -> str:
    """The parameters of a function or a class, and a class's methods and properties; nothing of a constant."""
    if not inspect.isclass(value):
        return parameters(value) if inspect.isfunction(value) else ""
    if issubclass(value, BaseModel):
        members = [name if field.is_required() else f"{name}?" for name, field in value.model_fields.items()]
        return f" {{{', '.join(members)}}}"
    called = parameters(value) if dataclasses.is_dataclass(value) else ""
    inside = [
        f"\n    .{name}{parameters(member) if inspect.isfunction(member) else ''}"
        for name, member in sorted(vars(value).items())
        if not name.startswith("_") and (inspect.isfunction(member) or isinstance(member, property))
    ]
    return called + "".join(inside)


def parameters(value: Any) -> str:
    """The names of the parameters; `?`: may be left out. Annotations are written differently by versions of Python."""
    said: list[str] = []
    for parameter in inspect.signature(value).parameters.values():
        if parameter.kind is parameter.KEYWORD_ONLY and "*" not in said:
            said.append("*")
        optional = "" if parameter.default is parameter.empty else "?"
        said.append(("*" if parameter.kind is parameter.VAR_POSITIONAL else "") + parameter.name + optional)
    return f"({', '.join(name for name in said if name != 'self')})"


def all_modules() -> set[str]:
    """Every module of the package."""
    found = pkgutil.walk_packages(purchasing_contracts.__path__, "purchasing_contracts.")
    return {module.name.removeprefix("purchasing_contracts.") for module in found}


if __name__ == "__main__":
    sys.stdout.writelines(f"{line}\n" for line in lines())
