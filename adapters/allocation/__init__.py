"""Allocation methods of other libraries, offered by name."""
