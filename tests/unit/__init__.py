"""Unit tests, a file for each module; only the wire to SageMaker is replaced."""
