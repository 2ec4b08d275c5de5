"""Netting: opposite orders of one account trade inside it, only the rest goes out.

``internal_cross`` finds what crosses and at which price, ``fill_split`` divides the fills and fees
of the outside order among its owners. Pure functions over values; ARCHITECTURE.md says whether a
run uses them today.
"""
