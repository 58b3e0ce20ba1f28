"""The executable specification: pure integers under the names of the contracts.

The only Python copy of every formula. Amounts, sizes and prices have 18 decimals, carry indices 27,
rates 15 per day; ppm is 1e-6; time is in seconds. Where the bytecode reverts for want of width the
specification raises OverflowError; what the protocol refuses raises its error by name.
"""
