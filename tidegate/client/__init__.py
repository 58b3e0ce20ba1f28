"""The typed SDK: calls, orders, snapshots of markets and accounts; Decimals for people."""
