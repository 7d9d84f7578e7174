"""
The nodegroups that a minion is in, as a list in its pillar.

.. code-block:: yaml

    ext_pillar:
      - nodegroups:
          pillar_name: nodegroups
"""


def ext_pillar(minion_id, pillar, pillar_name=None):
    """
    ``{pillar_name: [nodegroup]}``; groups that look at pillar see what there is before this one
    """
    return {pillar_name or "nodegroups": __utils__["extpillar.nodegroups"](minion_id, pillar)}
