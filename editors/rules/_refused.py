"""cfn-lint's rules for what the handlers refuse before they call SageMaker, with the handlers' messages.

E911x are about single properties, E914x about limits and about properties that do not go together.
"""

from __future__ import annotations

from editors.rules._rule import RefusalRule


class UnknownProperty(RefusalRule):
    """A property is unknown. The message names what may be meant."""

    id = "E9111"
    topic = "names"


class WrongKind(RefusalRule):
    """A value is of the wrong kind. The message says how to write the right one."""

    id = "E9112"
    topic = "kinds"


class WrongValue(RefusalRule):
    """A value is not allowed. The schema has enumerations and patterns."""

    id = "E9113"
    topic = "values"


class WrongCombination(RefusalRule):
    """Properties cannot be set together. A package has a name or a group."""

    id = "E9114"
    topic = "combinations"


class RepeatedTagKey(RefusalRule):
    """A tag's key has two values. Only one of them could have an effect."""

    id = "E9115"
    topic = "keys of tags"


class TagsOfVersion(RefusalRule):
    """A version has tags. SageMaker takes them on its group only."""

    id = "E9116"
    topic = "tags"


class MisplacedProperty(RefusalRule):
    """A property belongs elsewhere. The message names its place."""

    id = "E9117"
    topic = "misplaced"


class NullValue(RefusalRule):
    """A property is null. Without a value it is left out."""

    id = "E9118"
    topic = "null"


class MissingProperty(RefusalRule):
    """A required property is missing. Some are required on unversioned packages only."""

    id = "E9119"
    topic = "missing"


class ValueBeyondLimit(RefusalRule):
    """A value is beyond a limit. The schema limits lengths, counts and numbers."""

    id = "E9141"
    topic = "limits"


class PropertyOfVersions(RefusalRule):
    """An unversioned package has a property of versions. SageMaker takes it in a group only."""

    id = "E9142"
    topic = "not for unversioned"


class ArnOfNoGroup(RefusalRule):
    """A group is given by the ARN of something else. The ARN of a group contains model-package-group."""

    id = "E9143"
    topic = "ARN of another"


class RepeatedSpecificationName(RefusalRule):
    """Two specifications have the same name. Updates and requests refer to it."""

    id = "E9144"
    topic = "same names"


class AdditionalDataInSpecification(RefusalRule):
    """AdditionalS3DataSource is in InferenceSpecification. Additional specifications may have it."""

    id = "E9145"
    topic = "additional data"


class EnvironmentOfNothing(RefusalRule):
    """Environment has no containers. It is the default of those in InferenceSpecification."""

    id = "E9146"
    topic = "environment of nothing"
