"""The two onions themselves: who gets in, and what their descriptors say."""

import re

import pytest
from stem.descriptor.hidden_service import HiddenServiceDescriptorV3

from onion.client import NoEntryError, connect_through
from onion.conftest import SSH_GREETING
from onion.network import OPERATOR, SOURCE, Network

KEY_IS_MISSING = 0xF4
SSH = 22


def test_only_who_has_a_key_reaches_the_private_onion(network: Network) -> None:
    """tor lets everyone in where it finds no good key of a client: so the refusal is what shows that it found one."""
    onion = network.address(network.private)
    with connect_through(network.socks(OPERATOR), onion, SSH) as operator:
        assert operator.recv(100) == SSH_GREETING
    with pytest.raises(NoEntryError) as refused:
        connect_through(network.socks(SOURCE), onion, SSH)
    assert refused.value.code == KEY_IS_MISSING


def test_the_public_onion_asks_for_work_and_hides_where_it_is(network: Network) -> None:
    """Its descriptor, as a client got and opened it, has proof of work, and is that of no single onion."""
    onion = network.address(network.public)
    connect_through(network.socks(SOURCE), onion).close()
    answer = network.control(SOURCE, f"GETINFO hs/client/desc/id/{onion.removesuffix('.onion')}")
    found = re.search(r"=\r\n(hs-descriptor.*?)\r\n\.\r\n", answer, re.DOTALL)
    assert found, answer
    inner = str(HiddenServiceDescriptorV3.from_str(found[1].replace("\r\n", "\n")).decrypt(onion))
    assert "\nintroduction-point " in inner
    assert "\npow-params v1 " in inner
    assert "single-onion-service" not in inner
