# SPDX-License-Identifier: Apache-2.0
"""install(): makes rclpy, what goes with it, and the message packages importable.

A finder at the head of sys.meta_path answers for these names. Each module that it makes shows the
names of one or more modules of this package, so that `rclpy.qos.QoSProfile` is one object however
it is reached.
"""

from __future__ import annotations

import importlib
import importlib.abc
import importlib.machinery
import importlib.util
import os
import sys
from dataclasses import dataclass
from functools import partial
from types import FunctionType, ModuleType
from typing import TYPE_CHECKING, Any

from rclpy_cyclone.ament_index.shares import shares
from rclpy_cyclone.types.interfaces import interfaces as definitions

from .public_modules import ALSO, MODULES, full_name

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

# Parts of rclpy and of packages beside it that this runtime does not have.
_LEFT_OUT = frozenset({
    "rclpy.action", "rclpy.service_introspection", "rclpy.type_description_service",
    "rclpy.waitable", "ament_index_python.cli",
})  # fmt: skip
# Packages that are plain Python: if somebody has installed one, it is taken.
_YIELDING = frozenset({"ament_index_python", "diagnostic_updater"})
_ROS_VARIABLES = ("ROS_DISTRO", "AMENT_PREFIX_PATH")


@dataclass(frozen=True)
class Installation:
    """What install() did.

    installed says whether this runtime is now behind `import rclpy`; reason is one sentence.
    """

    installed: bool
    reason: str


class LeftOutError(ImportError, NotImplementedError):
    """A part of rclpy that this runtime does not have."""


class _Finder(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """Finds and makes the modules."""

    def __init__(self) -> None:
        self.extra: set[str] = set()

    def find_spec(
        self,
        fullname: str,
        path: Sequence[str] | None = None,  # noqa: ARG002
        target: ModuleType | None = None,  # noqa: ARG002
    ) -> importlib.machinery.ModuleSpec | None:
        """A spec for the names that this runtime provides."""
        package, _, rest = fullname.partition(".")
        if package in _YIELDING and self._elsewhere(package):
            return None
        if fullname in _LEFT_OUT:
            raise LeftOutError(f"{fullname} is not part of the embedded runtime", name=fullname)
        if fullname in MODULES:
            is_package = any(name.startswith(fullname + ".") for name in MODULES)
        elif self._provides(package) and rest in ("", "msg", "srv"):
            # A package with code of its own has its messages added, and stays what it is.
            if package in self.extra and not rest:
                return None
            if rest and not definitions.names(package, rest):
                return None
            is_package = not rest
        else:
            return None
        return importlib.machinery.ModuleSpec(
            fullname, self, origin="rclpy_cyclone", is_package=is_package
        )

    def _elsewhere(self, package: str) -> bool:
        """Whether a package is there without this runtime."""
        if package in sys.modules:
            spec = sys.modules[package].__spec__
            return spec is None or spec.loader is not self
        specs = (finder.find_spec(package, None) for finder in sys.meta_path if finder is not self)
        # A mere folder of that name has no origin.
        return any(spec is not None and spec.origin is not None for spec in specs)

    def _provides(self, package: str) -> bool:
        return package in definitions.packages()

    def create_module(self, spec: importlib.machinery.ModuleSpec) -> ModuleType | None:  # noqa: ARG002
        """The default module."""
        return None

    def exec_module(self, module: ModuleType) -> None:
        """Fill a module."""
        name = module.__name__
        if name in MODULES:
            for source in MODULES[name]:
                _show(source, module)
            for source, names in ALSO.get(name, {}).items():
                home = importlib.import_module(full_name(source))
                for each in names.split():
                    setattr(module, each, getattr(home, each))
            _rename()
            if "." not in name:
                module.__getattr__ = partial(_submodule, name)  # type: ignore[method-assign]
        elif "." in name:
            _fill_interfaces(module)


def _show(source: str, module: ModuleType) -> None:
    """Show what a module of ours defines, and what it imports only where `__all__` says so."""
    ours = importlib.import_module(full_name(source))
    homes = (ours.__name__, _HOMES[source])
    public = getattr(ours, "__all__", ())
    for name, value in vars(ours).items():
        imported = isinstance(value, ModuleType) or (
            isinstance(value, (type, FunctionType)) and value.__module__ not in homes
        )
        own = not imported and not name.startswith("__")
        if own or name == "__all__" or name in public:
            setattr(module, name, value)


def _submodule(package: str, name: str) -> ModuleType:
    if f"{package}.{name}" not in MODULES:
        raise AttributeError(f"module {package!r} has no attribute {name!r}")
    return importlib.import_module(f"{package}.{name}")


def _homes() -> dict[str, str]:
    """The public module that each of ours says it is: the first to show it."""
    homes: dict[str, str] = {}
    for public, sources in MODULES.items():
        for source in sources:
            homes.setdefault(source, public)
    return homes


_HOMES = _homes()


def _rename() -> None:
    """Let classes say that they are from a public module."""
    for name, public in _HOMES.items():
        source = sys.modules.get(full_name(name))
        if source is None:
            continue
        for value in list(vars(source).values()):
            if isinstance(value, type) and value.__module__ == source.__name__:
                value.__module__ = public


def _fill_interfaces(module: ModuleType) -> None:
    """A message or service module: its classes are made when they are first asked for."""
    from rclpy_cyclone.types.messages import message_class, service_class

    package, kind = module.__name__.rsplit(".", 1)
    names = definitions.names(package, kind)

    def get(name: str) -> Any:
        full = f"{package}/{kind}/{name}"
        if name in names:
            value = message_class(full) if kind == "msg" else service_class(full)
        elif kind == "srv" and definitions.has(full):
            value = message_class(full)
        else:
            raise AttributeError(f"module {module.__name__!r} has no attribute {name!r}")
        setattr(module, name, value)
        return value

    module.__getattr__ = get  # type: ignore[method-assign]
    module.__dir__ = lambda: [*vars(module), *names]  # type: ignore[method-assign]
    module.__all__ = names  # type: ignore[attr-defined]


_finder = _Finder()


def installed() -> bool:
    """Whether this runtime is behind `import rclpy`."""
    return _finder in sys.meta_path


def install(
    interfaces: Mapping[str, Path] | None = None, share: Mapping[str, Path] | None = None
) -> Installation:
    """Put this runtime in place where there is no ROS 2.

    Args:
        interfaces: Further packages of messages and services: name -> folder of .msg and .srv
            files, or the package's own, which has them in its folders msg and srv. They become the
            submodules `msg` and `srv` of a package that is importable, or of a new one.
        share: Where ament_index_python finds packages: name -> share directory. One of
            `interfaces` need not be named if package.xml lies in its folder, or beside its folder
            msg or srv.

    Returns:
        What was done: nothing where a ROS 2 can be imported.

    Raises:
        InterfaceError: a package's folder holds no messages and no services, or one of them is
            known already and has another definition.
        FileNotFoundError: a share directory is not there.
        ValueError: no package can have a name of `share`.
        ImportError: ROS 2 is set up (ROS_DISTRO or AMENT_PREFIX_PATH), but rclpy does not import;
            or there is no ROS 2 and no cyclonedds.

    """
    if not installed():
        refusal = _check_ros()
        if refusal is not None:
            return refusal
        if importlib.util.find_spec("cyclonedds") is None:
            raise ImportError(
                "without ROS 2 the Python package cyclonedds is needed, and it is not installed: "
                "python -m pip install cyclonedds",
                name="cyclonedds",
            )
        sys.meta_path.insert(0, _finder)
    for package, folder in (interfaces or {}).items():
        new = package not in definitions.packages()
        exists = new and importlib.util.find_spec(package) is not None
        definitions.add_package(package, folder)
        if exists:
            _finder.extra.add(package)
        own = folder.parent if folder.name in ("msg", "srv") else folder
        if (own / "package.xml").is_file():
            shares.add(package, own)
    for package, folder in (share or {}).items():
        shares.add(package, folder)
    return Installation(True, "the embedded runtime is in place: there is no ROS 2 here")


def _check_ros() -> Installation | None:
    """Why not to install, None where nothing speaks against it."""
    variables = [f"{name}={os.environ[name]}" for name in _ROS_VARIABLES if name in os.environ]
    spec = None if "rclpy" in sys.modules else importlib.util.find_spec("rclpy")
    # A mere folder of that name on the path, such as a checkout beside the program, has no origin.
    found = "rclpy" in sys.modules or (spec is not None and spec.origin is not None)
    if not variables and not found:
        return None
    try:
        import rclpy  # noqa: F401
        from rclpy import node as _node  # noqa: F401  (loads the C extension)
    except ImportError as error:
        version = f"Python {sys.version_info.major}.{sys.version_info.minor}"
        about = f" ({', '.join(variables)})" if variables else ""
        raise ImportError(
            f"ROS 2 is set up here{about}, but rclpy cannot be imported: {error}. rclpy belongs to "
            f"one Python version, and this is {version}: use a virtual environment of ROS 2's own "
            "Python made with --system-site-packages, or unset ROS_DISTRO and AMENT_PREFIX_PATH "
            "(open a shell without sourcing ROS 2) to run without ROS 2."
        ) from error
    return Installation(False, "ROS 2's own rclpy is importable and is used")
