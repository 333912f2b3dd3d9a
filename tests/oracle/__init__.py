"""The rules of SPEC sections 1 to 6 written a second time, naively, in plain Python.

Nothing here is shared with the warehouse: neither code nor intermediate result. Where the two
disagree, one of them misreads the specification.
"""
