"""Torture tests: faults, interruptions, drawn templates and events, scale, leaks."""
