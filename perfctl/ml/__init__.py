"""Learning from what is recorded (extra `ml`)."""
