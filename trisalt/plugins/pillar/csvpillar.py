"""
The minion's row of a table (CSV) as pillar.

.. code-block:: yaml

    ext_pillar:
      - csv: /srv/hosts.csv
      - csv:
          path: /srv/racks.csv
          namespace: rack
          fieldnames: [id, room, unit]
"""

import csv

from trisalt.errors import CommandError

__virtualname__ = "csv"


def __virtual__():
    return __virtualname__


def ext_pillar(
    minion_id, pillar, path, idkey="id", namespace=None, fieldnames=None, restkey=None, restval=None, dialect="excel"
):
    """
    The first row that has the minion's id in its column ``idkey``, the id among its values
    """
    if dialect not in csv.list_dialects():
        raise CommandError(f"csv: unknown dialect {dialect!r}, there are: {', '.join(csv.list_dialects())}")
    try:
        with open(path, encoding="utf-8-sig", newline="") as file:
            rows = csv.DictReader(file, fieldnames, restkey=restkey, restval=restval, dialect=dialect)
            if idkey not in (rows.fieldnames or ()):
                raise CommandError(f"csv: {path} has no column {idkey!r}")
            row = next((row for row in rows if row[idkey] == minion_id), None)
    except OSError as exc:
        raise CommandError(f"csv: {path}: {exc.strerror}") from exc
    except (csv.Error, UnicodeDecodeError) as exc:
        raise CommandError(f"csv: {path}: cannot be read: {type(exc).__name__}") from exc
    if row is None:
        return {}
    # Cells beyond the last column have no name, unless `restkey` gives them one.
    row.pop(None, None)
    return {namespace: row} if namespace else row
