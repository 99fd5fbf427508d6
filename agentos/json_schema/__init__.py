"""JSON Schema with bounded work: which schemas are accepted, and whether a value follows one."""
