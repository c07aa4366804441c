"""Make report pages from records: tables, plots and photos."""
