"""In a network of its own: a publisher, a subscriber without heartbeats, and a network that falls silent under them.

Prints how many seconds later the publisher was told that its subscriber is lost. With `published` something is under way to
it by then, and what is under way keeps the kernel from probing.
"""

import sys

import trio
import zmq

from trisalt.transport.publish import open_publisher
from trisalt.transport.zmq import KeepAlive


async def main(published: bool) -> None:
    await trio.run_process(["ip", "link", "set", "lo", "up"])
    gone = trio.Event()
    here = trio.Event()

    def subscribed(address: str, is_here: bool) -> None:
        (here if is_here else gone).set()

    probed = KeepAlive(idle=1, interval=1, give_up=1500)
    async with open_publisher("tcp://127.0.0.1:0", keepalive=probed, subscribed=subscribed) as publisher:
        context = zmq.Context()
        subscriber = context.socket(zmq.SUB)
        subscriber.setsockopt(zmq.LINGER, 0)
        subscriber.subscribe(b"")
        subscriber.connect(f"tcp://127.0.0.1:{publisher.port}")
        await here.wait()
        while not subscriber.poll(10):
            publisher.send(b"here?")
            await trio.sleep(0.01)
        await trio.run_process(["ip", "link", "set", "lo", "down"])
        began = trio.current_time()
        if published:
            publisher.send(b"nobody has this")
        with trio.fail_after(30):
            await gone.wait()
        print(trio.current_time() - began)
        context.destroy(linger=0)


trio.run(main, sys.argv[1] == "published")
