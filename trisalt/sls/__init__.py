"""SLS files: YAML, Jinja, the render pipeline and the top file."""
