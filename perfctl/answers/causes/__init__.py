"""What may have caused a change: each kind of suspect with the evidence for and against it."""
