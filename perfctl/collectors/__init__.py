"""Collectors bring measurements of this machine into the store."""
