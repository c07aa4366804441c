"""Report pages made of records: tables, plots and photos."""
