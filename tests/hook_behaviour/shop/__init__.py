"""An app with models, installed in all projects of these tests."""
