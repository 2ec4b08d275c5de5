"""``python -m tests.simulation``: see ``run``."""

import sys

from tests.simulation.run import main, spare_garbage_collections

if __name__ == "__main__":  # worker processes import this file
    spare_garbage_collections()
    sys.exit(main())
