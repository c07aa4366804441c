"""Files and text from outside: opened within bounds, written whole, shown escaped."""
