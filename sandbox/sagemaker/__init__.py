"""SageMaker on this machine: moto's server, with model packages, models and endpoints in front of it.

The rules come from the notes on the service's behaviour. The tag beside a rule is its evidence:
[V] a verbatim message, [R] a recorded response, [C] code with users relies on it, [D] documented,
[I] inferred (or chosen, where nothing is known).
"""

from .behaviour import Behaviour, Fault
from .engine import Engine
from .server import SageMakerServer

__all__ = ["Behaviour", "Engine", "Fault", "SageMakerServer"]
