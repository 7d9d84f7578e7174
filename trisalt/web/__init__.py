"""The web: Salt's REST API and the console on one port, asking the master by its local door alone."""
