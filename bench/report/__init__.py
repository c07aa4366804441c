"""Records become a page: tables, plots, photos."""
