"""Right-hand sides ``F(t, u; theta)`` of the differential equations that a deep network discretises."""
