"""The Django hook: four middlewares that feed perfctl."""
