"""The typed SDK: accounts, orders, market and account snapshots; Decimals for people, ints inside."""
