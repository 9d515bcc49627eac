"""Turns answers into text, JSON and pages."""
