"""Judges what was measured: rules, the life of an alert, replay of the recorded history."""
