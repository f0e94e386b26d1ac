"""Faults of one server, a broker or a database: afterwards it runs again."""

from collections.abc import Callable

from service.embedded.lifetime import SingleServer
from tests.chaos.scene import Fault, Scene

Choice = Callable[[Scene], SingleServer]


def killed(server: Choice, longest_down: float) -> Fault:
    """Kill the server, and start it again after `longest_down` seconds at most."""

    async def fault(scene: Scene) -> bool:
        chosen = server(scene)
        await chosen.kill()
        await scene.wait(0, longest_down)
        await chosen.start()
        return True

    return fault


def frozen(server: Choice, least: float, most: float) -> Fault:
    """Freeze the server for so many seconds."""

    async def fault(scene: Scene) -> bool:
        chosen = server(scene)
        chosen.pause()
        await scene.wait(least, most)
        chosen.resume()
        return True

    return fault
