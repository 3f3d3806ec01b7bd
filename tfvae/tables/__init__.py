"""Tables with columns of several kinds: numbers, categories, counts, dates, gaps; to features."""

from tfvae.tables.columns import Column, Group
from tfvae.tables.csv_files import CSV
from tfvae.tables.model import TableModel
from tfvae.tables.table import Table

__all__ = ["CSV", "Column", "Group", "Table", "TableModel"]
