"""A process that runs a relay and reports its state on stdout, a JSON line each time. Started by `workers.py`.

python worker.py DSN BOOTSTRAP SESSION_MS
"""

import asyncio
import dataclasses
import json
import signal
import sys

import asyncpg

from service.kafka.compat.outage_noise import quiet_left_over_futures
from service.observability import logs
from service.outbox import Relay


async def main(dsn: str, bootstrap: str, session_ms: str) -> None:
    logs.configure()
    loop = asyncio.get_running_loop()
    quiet_left_over_futures(loop)
    async with asyncpg.create_pool(dsn, min_size=1, max_size=8) as pool:
        relay = Relay(pool, {"bootstrap_servers": bootstrap}, session_ms=int(session_ms))
        running = asyncio.create_task(relay.run())
        loop.add_signal_handler(signal.SIGTERM, running.cancel)
        said = None
        while not running.done():
            now = json.dumps(dataclasses.asdict(relay.status()))
            if now != said:
                sys.stdout.write(f"{now}\n")
                sys.stdout.flush()
                said = now
            await asyncio.wait([running], timeout=0.02)
        if not running.cancelled():
            running.result()


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
