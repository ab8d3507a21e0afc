"""Float64 NumPy definitions of everything the native side computes, written to be read, not to be fast."""
