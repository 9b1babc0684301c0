"""What runs compiled: plain loops over the rows of a tile."""
