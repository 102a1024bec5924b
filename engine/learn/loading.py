"""The learner's code, made to run: fresh for every check, so that no global survives from one to the next."""

from __future__ import annotations

import sys
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from types import CodeType, ModuleType
from typing import Any


class Missing(AttributeError):
    """The learner's files do not have a name that a check asks for."""


class Trouble(Exception):
    """The learner's code cannot be run: where, and what happened."""

    def __init__(self, file: str, line: int, text: str, code: str = "") -> None:
        super().__init__(f"{file}:{line}  {text}")
        self.file, self.line, self.text, self.code = file, line, text, code


class Code:
    """The learner's files, by name; compiled once and run anew for every check."""

    def __init__(self, texts: dict[str, str]) -> None:
        self.texts = texts
        self.codes: dict[str, CodeType] = {}
        for name, text in texts.items():
            try:
                self.codes[name] = compile(text, name, "exec", dont_inherit=True)
            except SyntaxError as e:
                raise Trouble(name, e.lineno or 1, f"{type(e).__name__}: {e.msg}", e.text or "") from None
            except ValueError as e:
                raise Trouble(name, 1, f"{type(e).__name__}: {e}") from None

    @contextmanager
    def running(self, files: int = 99) -> Iterator[Loaded]:
        """The names of the first `files`, fresh; while they run, `import my_engine` finds the learner's."""
        stems = {name: name.removesuffix(".py") for name in [*self.texts][:files]}
        before = {stem: sys.modules.get(stem) for stem in stems.values()}
        modules: list[ModuleType] = []
        try:
            for name, stem in stems.items():
                module = ModuleType(stem)
                sys.modules[stem] = module
                exec(self.codes[name], module.__dict__)
                modules.append(module)
            yield Loaded(modules)
        finally:
            for stem, held in before.items():
                if held is None:
                    sys.modules.pop(stem, None)
                else:
                    sys.modules[stem] = held

    def line(self, file: str, number: int) -> str:
        """A line of a file as the learner wrote it."""
        lines = self.texts[file].splitlines()
        return lines[number - 1] if 0 < number <= len(lines) else ""

    def place(self, e: BaseException) -> tuple[str, int] | None:
        """The file and the line of the learner's own code where `e` was raised; None if it was not there."""
        frames = [f for f in traceback.extract_tb(e.__traceback__) if f.filename in self.texts]
        return (frames[-1].filename, frames[-1].lineno or 1) if frames else None


class Loaded:
    """The names of all files as attributes."""

    def __init__(self, modules: list[ModuleType]) -> None:
        self._modules = modules

    def __getattr__(self, name: str) -> Any:
        for module in reversed(self._modules):
            if name in module.__dict__:
                return module.__dict__[name]
        raise Missing(name)
