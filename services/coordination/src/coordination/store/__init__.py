"""All SQL of coordination; functions that return typed rows."""
