"""Pillar: grains in, pillar out."""
