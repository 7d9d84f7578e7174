#!stateconf json . jinja
{".x": {"test.nop": [{"a": {{ 1 }} }]}}
