"""The worst days: faults on the wire, interruptions, any template, scale, leaks."""
