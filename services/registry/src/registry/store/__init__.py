"""SQL of the register: what stands in it, the measures against it, and imports into it."""
