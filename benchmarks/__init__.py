"""Measures the package beside a provider as the CLI's template generates it."""
