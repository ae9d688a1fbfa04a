"""Training and sampling of spike-time networks, with the recipes and the networks that ship."""
