"""
What the minion sends beside its grains, as pillar: values of the options that its ``pass_to_ext_pillars`` names.

.. code-block:: yaml

    ext_pillar:
      - extra_minion_data_in_pillar:
          include: [site, rack:room]      # or <all>
"""

from trisalt.loader.passed import parts_of


def ext_pillar(minion_id, pillar, include, extra_minion_data=None):
    """
    Those keys that ``include`` names, and all of them for ``<all>``
    """
    data = extra_minion_data or {}
    if include in ("<all>", "*"):
        return data
    return parts_of(data, [str(path) for path in include] if isinstance(include, list) else [str(include)])
