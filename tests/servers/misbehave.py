#!/usr/bin/env python3
"""An ssh server that misbehaves on purpose: real ssh by `asyncssh`, behind a relay that spoils the TCP connection.

It takes every key and every user, and runs commands as sshd does: with `sh -c`, in a session of their own, which a lost
connection does not end. What it does is told on standard output, a JSON object a line, first {"listening": PORT}; each
misbehaviour is told as {"misbehaved": NAME}, so that a test can see that it took place. It ends with its standard input.
"""

import argparse
import asyncio
import json
import os
import random
import re
import sys

import asyncssh

# More than any line that the server looks for.
KEPT = 4096


def arguments():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    add = parser.add_argument
    add("--host-key", help="a file with the server's key; a new one otherwise")
    add("--home", default="/nonexistent", help="HOME of what it runs")
    add("--times", type=int, help="only so often; then it behaves")
    add("--seed", type=int, default=1, help="what chance is drawn from")
    tcp = parser.add_argument_group("of the connection").add_argument
    tcp("--refuse", type=float, default=0, metavar="P", help="close what was accepted, as MaxStartups does")
    tcp("--kex-close", type=float, default=0, metavar="P", help="close in the middle of the key exchange")
    tcp("--silent", action="store_true", help="accept and never answer")
    tcp("--preface", type=int, default=0, metavar="BYTES", help="lines before the server's version")
    tcp("--garbage", action="store_true", help="speak something else than ssh")
    tcp("--delay", type=float, default=0, metavar="SECONDS", help="hold back everything by this much")
    auth = parser.add_argument_group("of the login").add_argument
    auth("--banner", type=int, default=0, metavar="BYTES", help="a banner of this size, in pieces that ssh takes")
    auth("--deny", action="store_true", help="refuse every key")
    session = parser.add_argument_group("of sessions").add_argument
    session("--sessions", type=int, metavar="N", help="refuse sessions of a connection after so many")
    session("--exit", type=int, metavar="STATUS", help="end with this status instead of running anything")
    session("--signal", metavar="NAME", help="die by this signal instead of running anything")
    session("--no-status", action="store_true", help="close without a status instead of running anything")
    session("--noise", metavar="TEXT", help="print this on both streams before the command does, as a login shell may")
    session("--drop-before", metavar="REGEX", help="lose the connection instead of passing this on")
    session("--drop-after", metavar="REGEX", help="lose the connection when this was passed on")
    session("--hold-before", metavar="REGEX", help="never pass this on, nor what follows; hear the client all the same")
    session("--freeze-after", metavar="REGEX", help="leave the connection half open when this was passed on")
    return parser.parse_args()


def tell(**what):
    print(json.dumps(what), flush=True)


class World:
    """What all connections share."""

    def __init__(self, options):
        self.options = options
        self.dice = random.Random(options.seed)
        self.left = options.times

    def misbehaves(self, name, chance=1.0):
        """Whether to do it now; each time counts."""
        if self.left == 0 or self.dice.random() >= chance:
            return False
        if self.left is not None:
            self.left -= 1
        tell(misbehaved=name)
        return True


class Relay:
    """Between a client and the server proper."""

    def __init__(self, world, reader, writer):
        self.world, self.reader, self.writer = world, reader, writer

    async def run(self, port):
        world, options = self.world, self.world.options
        tell(connected=True)
        if options.refuse and world.misbehaves("refuse", options.refuse):
            self.writer.close()
            return
        if options.silent and world.misbehaves("silent"):
            await asyncio.Event().wait()
        if options.garbage and world.misbehaves("garbage"):
            await self.reader.read(4096)
            self.writer.write(b"HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n")
            self.writer.close()
            return
        if options.preface and world.misbehaves("preface"):
            line = b"welcome to the machine\r\n"
            self.writer.write(line * (options.preface // len(line)))
        inner_reader, inner_writer = await asyncio.open_connection("127.0.0.1", port)
        closes = bool(options.kex_close) and world.misbehaves("kex-close", options.kex_close)
        up = self.pump(self.reader, inner_writer, False)
        # The server's version and its offer have passed by then, its key has not.
        down = self.pump(inner_reader, self.writer, closes)
        await asyncio.gather(up, down, return_exceptions=True)

    async def pump(self, reader, writer, only_begins):
        try:
            passed = 0
            while data := await reader.read(65536):
                if self.world.options.delay:
                    await asyncio.sleep(self.world.options.delay)
                if only_begins and passed + len(data) > 600:
                    writer.write(data[: max(0, 600 - passed)])
                    self.reader._transport.abort()
                    break
                passed += len(data)
                writer.write(data)
                await writer.drain()
        except OSError:
            pass
        writer.close()


class Server(asyncssh.SSHServer):
    """One connection."""

    def __init__(self, world):
        self.world = world
        self.sessions = 0

    def connection_made(self, conn):
        self.conn = conn

    def begin_auth(self, username):
        left = self.world.options.banner
        if left and self.world.misbehaves("banner"):
            while left > 0:
                self.conn.send_auth_banner("x" * 99 + "\n" if left < 32000 else ("x" * 99 + "\n") * 320)
                left -= 32000
        return True

    def public_key_auth_supported(self):
        return True

    def validate_public_key(self, username, key):
        return not (self.world.options.deny and self.world.misbehaves("deny"))

    def session_requested(self):
        most = self.world.options.sessions
        if most is not None and self.sessions >= most and self.world.misbehaves("sessions"):
            return False
        self.sessions += 1
        return asyncssh.SSHServerProcess(lambda process: session(self.world, process), None, 3, False)


async def session(world, process):
    """One command."""
    options = world.options
    tell(session=True)
    if options.exit is not None and world.misbehaves("exit"):
        process.exit(options.exit)
        return
    if options.signal and world.misbehaves("signal"):
        process.exit_with_signal(options.signal)
        return
    if options.no_status and world.misbehaves("no-status"):
        process.channel.close()
        return
    if options.noise and world.misbehaves("noise"):
        process.stdout.write(options.noise.encode())
        process.stderr.write(options.noise.encode())
    environment = {"PATH": os.environ["PATH"], "HOME": options.home, "SHELL": "/bin/sh"}
    pipe = asyncio.subprocess.PIPE
    child = await asyncio.create_subprocess_exec(
        "/bin/sh", "-c", process.command, stdin=pipe, stdout=pipe, stderr=pipe,
        env=environment, cwd="/", start_new_session=True,
    )
    feeding = asyncio.ensure_future(feed(process.stdin, child.stdin))
    watch = Watch(world, process)
    pumps = [pass_on(watch, child.stdout, process.stdout), pass_on(watch, child.stderr, process.stderr)]
    await asyncio.gather(*pumps)
    status = await child.wait()
    feeding.cancel()
    if getattr(watch.conn, "frozen", False):
        await asyncio.Event().wait()
    if status < 0:
        process.exit_with_signal({1: "HUP", 2: "INT", 9: "KILL", 15: "TERM"}.get(-status, "USR1"))
    else:
        process.exit(status)


async def feed(reader, writer):
    """What the client sends, to the command. The end of one is the end of the other, however it comes."""
    try:
        while data := await reader.read(65536):
            writer.write(data)
            await writer.drain()
    except (OSError, asyncssh.Error):
        pass
    writer.close()


class Watch:
    """Loses the connection at a certain place of the output."""

    def __init__(self, world, process):
        options = world.options
        self.world = world
        self.conn = process.channel.get_connection()
        self.seen = {}
        self.wanted = [
            (name, re.compile(text.encode()))
            for name, text in [
                ("drop-before", options.drop_before),
                ("drop-after", options.drop_after),
                ("hold-before", options.hold_before),
                ("freeze-after", options.freeze_after),
            ]
            if text is not None
        ]

    def sees(self, stream, data):
        """The misbehaviour that is due with this."""
        if not self.wanted:
            return None
        tail = self.seen.get(stream, b"") + data
        self.seen[stream] = tail[-KEPT:]
        for at, (name, pattern) in enumerate(self.wanted):
            if pattern.search(tail) and self.world.misbehaves(name):
                del self.wanted[at]
                return name
        return None

    def drop(self):
        # Flushes what was passed on; nothing is said about it to the client.
        self.conn._transport.close()

    def freeze(self):
        # From now on the client hears nothing, not even an answer to a keep-alive; what it sends is taken all the same.
        self.conn.frozen = True
        self.conn._transport.pause_reading()


async def pass_on(watch, reader, writer):
    try:
        while data := await reader.read(65536):
            due = watch.sees(reader, data)
            if due == "drop-before":
                watch.drop()
            if due == "hold-before":
                await asyncio.Event().wait()
            if getattr(watch.conn, "frozen", False):
                await asyncio.Event().wait()
            writer.write(data)
            await writer.drain()
            if due == "drop-after":
                watch.drop()
            elif due == "freeze-after":
                watch.freeze()
    except (OSError, asyncssh.Error):
        # As with a real server, the command may find its output closed. It goes on.
        pass
    reader._transport.close()


async def main():
    options = arguments()
    world = World(options)
    listener = await asyncssh.listen(
        "127.0.0.1",
        0,
        server_factory=lambda: Server(world),
        server_host_keys=[options.host_key or asyncssh.generate_private_key("ssh-ed25519")],
        encoding=None,
        backlog=1024,
        login_timeout=0,
        keepalive_interval=0,
    )
    inner = listener.get_port()
    outer = await asyncio.start_server(
        lambda reader, writer: Relay(world, reader, writer).run(inner), "127.0.0.1", 0, backlog=1024
    )
    tell(listening=outer.sockets[0].getsockname()[1])
    over = asyncio.Event()
    asyncio.get_running_loop().add_reader(sys.stdin.fileno(), lambda: os.read(0, 4096) or over.set())
    await over.wait()
    # What was started goes on, as it would with a server that dies.
    os._exit(0)


asyncio.run(main())
