"""External pillars: `ext_pillar(minion_id, pillar, …)` gives a map that is merged with the minion's pillar."""
