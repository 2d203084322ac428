"""Unit tests, a file for each module; only the sagemaker to SageMaker is replaced."""
