"""The test dollar's twin."""

from tidegate.client.errors import ProtocolError
from tidegate.spec.host import Host, Table


class Token:
    """Balances of the faucet token."""

    def __init__(self, host: Host) -> None:
        self.balances: Table[int, int] = Table(host, 0)

    def balance_of(self, holder: int) -> int:
        return self.balances[holder]

    def transfer_from(self, payer: int, receiver: int, amount: int) -> None:
        self.transfer(payer, receiver, amount)

    def transfer(self, sender: int, receiver: int, amount: int) -> None:
        if self.balances[sender] < amount:
            raise ProtocolError("erc20: transfer amount exceeds balance")
        self.balances[sender] -= amount
        self.balances[receiver] += amount
