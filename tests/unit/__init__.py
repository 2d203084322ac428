"""Unit tests, a file for each module; only the HTTP connection to SageMaker is replaced."""
