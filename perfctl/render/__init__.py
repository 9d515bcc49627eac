"""Turns answers into text, JSON and pages; `face.show` chooses."""
