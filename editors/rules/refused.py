"""cfn-lint's rules for what the handlers refuse before they call SageMaker, with the handlers' messages."""

from __future__ import annotations

import sys
from pathlib import Path

# cfn-lint loads this file alone, in no package.
sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from editors.rules._rule import RefusalRule


class UnknownProperty(RefusalRule):
    """A property is unknown, or belongs elsewhere. The message names what may be meant, or its place."""

    id = "E9111"
    check = "names"


class WrongKind(RefusalRule):
    """A value is of the wrong kind. The message says how to write the right one."""

    id = "E9112"
    check = "kinds"


class WrongValue(RefusalRule):
    """A value is missing, or is not allowed. The schema has enumerations, patterns and limits."""

    id = "E9113"
    check = "values"


class WrongCombination(RefusalRule):
    """Properties cannot be set together. SageMaker refuses some on versions, and some on other packages."""

    id = "E9114"
    check = "combinations"


class RepeatedTagKey(RefusalRule):
    """A tag's key has two values. Only one of them could have an effect."""

    id = "E9115"
    check = "keys of tags"


class TagsOfVersion(RefusalRule):
    """A version has tags. SageMaker takes them on its group only."""

    id = "E9116"
    check = "tags of versions"
