"""Mutation tests of the models: see README.md."""
