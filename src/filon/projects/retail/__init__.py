"""The demo project: clients, purchases, and ten gold tables of a French shop."""

from pathlib import Path

FOLDER = Path(__file__).parent
