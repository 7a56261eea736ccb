"""Wires everything that a worker can be asked. Called before the engine runs.

That is the only moment at which the engine's store may be read: what became of sends that a crash
cut short is found out here.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from .. import stores
from ..engines import neonize_secrets
from ..engines.base import Emit, Engine
from .commands import Commands
from .config import WorkerConfig
from .crumbs import Crumbs
from .groups import Groups
from .people import People
from .sending import Sending
from .sends import Ledger, close_cut_short
from .transfers import Transfers


def make_commands(
    config: WorkerConfig,
    engine: Engine,
    *,
    tell: Emit,
    on_failure: Callable[[BaseException], None],
) -> Commands:
    """`tell` stores a fact durably; `on_failure` gets what made that impossible."""
    folder = config.session_dir
    ledger = Ledger(folder / stores.SPOOL, config.epoch)
    close_cut_short(ledger, lambda secrets: _ids_by_secret(config, secrets))
    transfers = Transfers(folder, engine)
    sending = Sending(engine, ledger, transfers, tell=tell, on_failure=on_failure)
    sending.tell_the_rest()
    # In the sandbox the proxy is in the environment, where no account can change it.
    proxy_url = "" if config.sandbox_trust_anchor else config.proxy_url
    return Commands(
        config,
        engine,
        Crumbs(folder),
        sending.operations(),
        transfers.operations(),
        People(engine, proxy_url).operations(),
        Groups(engine, transfers).operations(),
    )


def _ids_by_secret(config: WorkerConfig, secrets: Sequence[bytes]) -> Mapping[bytes, str] | None:
    if config.engine != "neonize" or config.store_url:
        return None  # in PostgreSQL nobody looks: the outcome stays unknown
    return neonize_secrets.ids_by_secret(config.session_dir / stores.STORE, secrets)
