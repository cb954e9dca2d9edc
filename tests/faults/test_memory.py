"""Memory that runs out: whoever cannot be served is told to try again, and nothing is lost that was acknowledged."""

import random
import time

from breaking import MIB, limit_memory, workers
from oracle import troubles
from service import Instance
from sources import Crowd

ROUNDS = 6


def test_memory_that_runs_out_loses_nothing(instance: Instance) -> None:
    """Both workers at once, again and again, under load. When there is memory again, they serve; or others do."""
    chance = random.Random(10)
    with instance.serve() as server:
        crowd = Crowd(server, largest_file=4 * MIB)
        with crowd.at_work():
            for _ in range(ROUNDS):
                crowd.wait_for(3)
                failed = crowd.put_off + crowd.unanswered
                for worker in workers(server):
                    limit_memory(worker, chance.randrange(2 * MIB))
                for _ in range(200):
                    if crowd.put_off + crowd.unanswered > failed:
                        break
                    time.sleep(0.02)
                for worker in workers(server):
                    limit_memory(worker, -1)
        assert crowd.put_off + crowd.unanswered >= ROUNDS / 2
        assert server.client.send().status == 200
        assert troubles(instance, crowd.accounts) == []
