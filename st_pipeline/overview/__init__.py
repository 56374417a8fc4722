"""The figures that `status` and the portal share: totals, then each tenant."""
