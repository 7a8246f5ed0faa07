"""Target nodes from their descriptions: classes, logical units, portals; adding, changing and removing targets."""
