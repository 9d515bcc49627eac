"""Answers: pure questions to the store, one module a question."""
