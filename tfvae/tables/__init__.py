"""Tables with columns of several kinds: numbers, categories, counts, dates, gaps; to features."""

from tfvae import _late
from tfvae.tables.columns import Column, Group
from tfvae.tables.csv_files import CSV
from tfvae.tables.model import TableModel
from tfvae.tables.table import Table

__all__ = ["CSV", "Column", "Group", "Table", "TableModel"]

__getattr__, __dir__ = _late.names(__name__, {}, globals())
