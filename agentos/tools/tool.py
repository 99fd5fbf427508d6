"""Tools and toolkits: typed functions with what a model is told about them."""
