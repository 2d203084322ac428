"""Connections of the handlers: kept, closed, frozen, and what of them outlives an invocation."""
