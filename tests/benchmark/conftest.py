"""The benchmark is a program of the checkout, not a part of what is installed."""

import sys
from pathlib import Path

sys.path.append(str(Path(__file__).parents[2]))
