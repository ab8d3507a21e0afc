"""The other frameworks' training loops, each in the fastest form that it is known to have on a CPU."""
