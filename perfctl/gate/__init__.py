"""The merge gate: judges what was measured, against budgets and against a baseline."""
