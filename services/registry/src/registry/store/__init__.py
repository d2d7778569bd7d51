"""All SQL of the register, and the rows it reads and writes."""
