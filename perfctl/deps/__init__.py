"""Dependencies: what is installed, what is known against it, what is newer, and how to fix it."""
