"""`python -m sandbox --dir DIR`: run the network until a signal, the parent or stdin ends it."""

import argparse
import asyncio
import logging
import os
import secrets
import sqlite3
import sys
from pathlib import Path

from sandbox.announcement import CA_FILE, announce, withdraw, write_private
from sandbox.control.server import ControlServer
from sandbox.keys import load_authority, load_noise_identity
from sandbox.lifetime import die_with_parent, stop_event
from sandbox.network.dispatch import Dispatcher
from sandbox.network.hub import Network
from sandbox.network.store import Store
from sandbox.server import ProxyServer

log = logging.getLogger("sandbox")

WEBSOCKET_URL = "wss://web.whatsapp.com/ws/chat"
STATE_FILE = "state.db"
QR_REFS = 6
EXIT_USAGE = 2
LOG_LEVELS = ("DEBUG", "INFO", "WARNING", "ERROR")


def parse_arguments(arguments: list[str] | None = None) -> argparse.Namespace:
    """The command line. Exits with 2 when it is wrong."""
    parser = argparse.ArgumentParser(prog="python -m sandbox", description=__doc__)
    parser.add_argument("--dir", type=Path, required=True, help="where state and network.json live")
    parser.add_argument(
        "--log-level", default="INFO", choices=["DEBUG", "INFO", "WARNING", "ERROR"]
    )
    parser.add_argument(
        "--qr-refs",
        type=int,
        default=QR_REFS,
        choices=range(1, QR_REFS + 1),
        help="how many QR codes a client gets before it gives up",
    )
    parser.add_argument(
        "--exit-with-stdin", action="store_true", help="stop when standard input reaches its end"
    )
    return parser.parse_args(arguments)


async def run(directory: Path, *, qr_refs: int, exit_with_stdin: bool) -> None:
    """Serve until it is time to stop. Raises OSError, sqlite3.Error, ValueError at the start."""
    stopped = stop_event(with_stdin=exit_with_stdin)
    store = Store(directory / STATE_FILE)
    try:
        authority = load_authority(store)
        network = Network(store, load_noise_identity(store), qr_refs=qr_refs)
        store.commit()
        write_private(directory / CA_FILE, authority.certificate)
        token = secrets.token_urlsafe(32)
        proxy = ProxyServer(network, Dispatcher(), authority.server_context())
        control = ControlServer(network, token)
        proxy_port, control_port = await proxy.start(), await control.start()
        control.description = {
            "proxy_url": f"http://127.0.0.1:{proxy_port}",
            "control_url": f"http://127.0.0.1:{control_port}",
            "ca_file": str(directory / CA_FILE),
            "ca_pem": authority.certificate.decode(),
            "noise_public_key": network.noise.root.public.hex(),
            "websocket_url": WEBSOCKET_URL,
        }
        announce(directory, {"pid": os.getpid(), "control_token": token, **control.description})
        log.info("proxy on port %d, control on port %d", proxy_port, control_port)
        await stopped.wait()
        log.info("stopping")
        withdraw(directory)
        await asyncio.gather(control.close(), proxy.close())
    finally:
        withdraw(directory)
        store.close()


def main() -> int:
    """Exit code 0 after a stop, 2 with one line on stderr when it cannot start."""
    parent = os.getppid()
    options = parse_arguments()
    die_with_parent(parent)
    logging.basicConfig(
        level=options.log_level,
        stream=sys.stderr,
        format="%(asctime)s %(levelname)s %(name)s: %(message)s",
    )
    directory = options.dir.absolute()
    os.umask(0o077)
    try:
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        directory.chmod(0o700)
        asyncio.run(
            run(directory, qr_refs=options.qr_refs, exit_with_stdin=options.exit_with_stdin)
        )
    except (OSError, sqlite3.Error, ValueError) as error:
        sys.stderr.write(f"sandbox: cannot use {directory}: {error}\n")
        return EXIT_USAGE
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
