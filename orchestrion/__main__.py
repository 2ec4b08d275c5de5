"""``python -m orchestrion`` is the ``orchestrion`` command."""

from orchestrion.adapters.cli.main import main

if __name__ == "__main__":
    main()
