"""Journal storage: where a run is written to and read back from.

- ``sqlite_journal``: the writer of a journal file; ``sqlite_reader``: reads one back, verified.
- ``memory_journal``: the same contract in memory, for tests and for programs that keep no file.
- ``schema``: the tables of the file. ``docs/journal.md`` describes them for people.
- ``writer_lock``: one writer per file. ``stage``: which call is allowed when.

What a record means is not known here; the contract is ``orchestrion.runtime.journal``.
"""
