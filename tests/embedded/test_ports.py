"""Two programs that choose a port at the same moment never get the same one."""

import asyncio
import subprocess
import sys

from service.embedded import process

CHOOSES = """
import random
from service.embedded.process import reserve_port
ports = iter([{taken}, {other}])
random.randint = lambda low, high: next(ports)
print(reserve_port())
"""


def chosen_by_another(taken: int, other: int) -> int:
    """Return the port that another program gets that tries these two."""
    program = CHOOSES.format(taken=taken, other=other)
    return int(subprocess.run([sys.executable, "-c", program], stdout=subprocess.PIPE, check=True).stdout)


async def test_a_reserved_port_is_chosen_by_no_other_program_listening_or_not():
    port, other = process.reserve_port(), process.reserve_port()
    process._reserved.pop().close()
    assert await asyncio.to_thread(chosen_by_another, port, other) == other
    server = await asyncio.start_server(lambda _reader, writer: writer.close(), "127.0.0.1", port)
    async with server:
        assert await asyncio.to_thread(chosen_by_another, port, other) == other
    assert await asyncio.to_thread(chosen_by_another, port, other) == other
