"""Imports of the handlers' modules by commands, without what takes most of the time to import."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager

PROGRAM = "sandbox.__main__"


@contextmanager
def quick_imports() -> Iterator[None]:
    """Let imports inside have stand-ins for the SDK, where this process is a command and nothing else.

    A command asks the handlers' modules what they think of a template, and ends. In another process, such as
    that of the tests, handlers may run later, with the same modules.
    """
    from editors.rules._stand_ins import SLOW, stand_ins

    program = getattr(sys.modules["__main__"], "__spec__", None)
    with stand_ins(SLOW if program and program.name == PROGRAM else ()):
        yield
