"""`manage.py stores …`: the credentials of this machine's numbers, and their snapshots.

Parses, calls one function of sessions_mgr.snapshots, prints. A table for people, `--json` for
programs. Exit codes: 0; 1 when `verify` or `rotate-keys` found something; 2 when refused.
"""

from __future__ import annotations

import json
from argparse import ArgumentParser
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from django.db import DatabaseError
from django.db.models import QuerySet

from accounts.models import WhatsAppAccount
from accounts.quotas import QuotaExceeded
from sessions_mgr.bus import carriers
from sessions_mgr.models import StoreSnapshot
from sessions_mgr.snapshots import housekeeping, importing, inspection, restoring, vault
from sessions_mgr.snapshots.errors import NothingToSave, StoreError
from sessions_mgr.snapshots.tables import age, size, table
from sessions_mgr.stores import Stores, UnsafePath

ACTOR = "command:stores"
Rows = list[dict[str, Any]]


class Command(BaseCommand):
    help = "List, check, save, restore, import and clean up the stores of this machine."

    def add_arguments(self, parser: ArgumentParser) -> None:
        actions = parser.add_subparsers(dest="action", required=True, metavar="ACTION")

        def action(name: str, text: str) -> ArgumentParser:
            added: ArgumentParser = actions.add_parser(name, help=text, description=text)
            added.add_argument("--json", action="store_true", help="print JSON")
            return added

        what = action("list", "The stores, or the snapshots of one account.")
        what.add_argument("account", nargs="?", help="show this account's snapshots")
        what.add_argument("--workspace", metavar="NAME", help="only this workspace (name or id)")
        for name, text in (
            ("verify", "Check stores, and open every snapshot. Changes nothing."),
            ("snapshot", "Save the credentials now; the number stays connected."),
        ):
            what = action(name, text)
            what.add_argument("account", nargs="?")
            what.add_argument("--all", action="store_true", help="every account")
        what = action("restore", "Put an account's credentials back from a snapshot.")
        what.add_argument("account")
        what.add_argument("--snapshot", type=int, metavar="ID", help="default: the newest")
        _replacing(what)
        what = action("import", "Make an account of a whatsmeow store (SQLite) of another program.")
        what.add_argument("file", type=Path)
        what.add_argument("--workspace", required=True, metavar="NAME")
        what.add_argument("--label", required=True)
        what.add_argument("--jid", default="", help="which device, when there are several")
        what.add_argument("--dry-run", action="store_true")
        what = action("quarantine", "What was set aside: list it, or put it back.")
        what.add_argument("what", choices=["list", "restore"])
        what.add_argument("name", nargs="?")
        _replacing(what)
        what = action("purge", "Remove old quarantined stores, folders without an account, copies.")
        what.add_argument("--older-than", type=float, metavar="DAYS", default=None)
        what.add_argument("--dry-run", action="store_true")
        action("rotate-keys", "Seal every snapshot with the first key of STORE_KEYS.")

    def handle(self, *args: Any, **options: Any) -> None:
        self.folders = Stores(settings.SESSIONS_ROOT)
        self.as_json: bool = options["json"]
        run: Callable[[dict[str, Any]], None] = getattr(
            self, "_" + options["action"].replace("-", "_")
        )
        try:
            run(options)
        except (StoreError, UnsafePath, QuotaExceeded) as exc:
            raise CommandError(str(exc), returncode=2) from exc
        except DatabaseError as exc:
            raise CommandError(f"the database does not answer: {exc}", returncode=2) from exc
        except OSError as exc:
            raise CommandError(
                f"{exc.filename or 'files'}: {exc.strerror or exc}", returncode=2
            ) from exc
        finally:
            carriers.close()

    def _list(self, options: dict[str, Any]) -> None:
        if options["account"]:
            account = inspection.find_account(options["account"])
            rows = [inspection.snapshot_row(s) for s in account.snapshots.order_by("-at", "-pk")]
            self._show(rows, ["id", "at", "reason", "device_jid", "bytes", "key_id"])
            return
        accounts = WhatsAppAccount.objects.present()
        if options["workspace"]:
            accounts = accounts.filter(workspace=inspection.find_workspace(options["workspace"]))
        rows = [row.as_row() for row in inspection.stores_of(accounts, self.folders)]
        columns = ["account_id", "workspace", "label", "status", "device_jid", "bytes"]
        self._show(rows, [*columns, "snapshots", "last_snapshot_at"])

    def _verify(self, options: dict[str, Any]) -> None:
        rows = [
            finding.as_row()
            for account in _accounts(options)
            for finding in inspection.verify(account, self.folders)
        ]
        self._show(rows, ["account_id", "what", "state", "problem"])
        if bad := [row for row in rows if row["problem"]]:
            raise CommandError(f"{len(bad)} of {len(rows)} are not in order", returncode=1)

    def _snapshot(self, options: dict[str, Any]) -> None:
        rows = []
        for account in _accounts(options):
            try:
                made = vault.snapshot(account=account, folders=self.folders)
            except NothingToSave:
                if options["all"]:
                    continue
                raise
            rows.append(inspection.snapshot_row(made))
        self._show(rows, ["id", "account_id", "at", "device_jid", "bytes", "key_id"])

    def _restore(self, options: dict[str, Any]) -> None:
        account = inspection.find_account(options["account"])
        snapshot = None
        if options["snapshot"] is not None:
            snapshot = StoreSnapshot.objects.filter(pk=options["snapshot"]).first()
            if snapshot is None:
                raise StoreError(f"--snapshot: there is no snapshot {options['snapshot']}")
        done = restoring.restore(
            account=account,
            snapshot=snapshot,
            folders=self.folders,
            force=options["force"],
            dry_run=options["dry_run"],
            actor=ACTOR,
        )
        self._say_restored(done)

    def _import(self, options: dict[str, Any]) -> None:
        if not options["label"].strip() or len(options["label"]) > 120:
            raise StoreError("--label: use 1 to 120 characters")
        done = importing.import_store(
            file=options["file"],
            workspace=inspection.find_workspace(options["workspace"]),
            label=options["label"].strip(),
            jid=options["jid"],
            folders=self.folders,
            dry_run=options["dry_run"],
            actor=ACTOR,
        )
        row = {
            "account_id": str(done.account.pk) if done.account else None,
            "device_jid": done.device_jid,
            "phone_number": done.phone_number,
            "rows": done.rows,
            "dry_run": options["dry_run"],
        }
        made = f"account {row['account_id']}" if done.account else "dry run, nothing was changed"
        self._say(row, f"{done.phone_number} ({done.device_jid}, {done.rows} rows): {made}")

    def _quarantine(self, options: dict[str, Any]) -> None:
        if options["what"] == "restore":
            if not options["name"]:
                raise StoreError("name what to restore: see `stores quarantine list`")
            self._say_restored(
                restoring.restore_quarantined(
                    name=options["name"],
                    folders=self.folders,
                    force=options["force"],
                    dry_run=options["dry_run"],
                    actor=ACTOR,
                )
            )
            return
        rows = [
            {"name": q.name, "account_id": q.account_id, "reason": q.reason, "bytes": q.size}
            | {"age_days": age(q.at)}
            for q in housekeeping.quarantined(self.folders)
        ]
        self._show(rows, ["name", "reason", "age_days", "bytes"])

    def _purge(self, options: dict[str, Any]) -> None:
        days = options["older_than"]
        if days is not None and not days >= 0:
            raise StoreError("--older-than: use a number of days, 0 or more")
        gone = housekeeping.purge(
            folders=self.folders, older_than_days=days, dry_run=options["dry_run"]
        )
        rows = [housekeeping.as_row(item) for item in gone]
        self._show(rows, ["kind", "path", "age_days", "bytes"])
        if not self.as_json:
            word = "would be removed" if options["dry_run"] else "removed"
            self.stdout.write(f"{size(sum(item.size for item in gone))} {word}")

    def _rotate_keys(self, options: dict[str, Any]) -> None:
        done = vault.rotate_keys(folders=self.folders)
        row = {"sealed": done.sealed, "current": done.current, "unreadable": done.unreadable}
        self._say(row, f"{done.sealed} sealed anew, {done.current} had the first key already")
        if done.unreadable:
            raise CommandError("; ".join(done.unreadable), returncode=1)

    def _say_restored(self, done: restoring.Restored) -> None:
        row = {
            "account_id": str(done.account_id),
            "source": done.source,
            "device_jid": done.device_jid,
            "disconnected": done.disconnected,
            "saved_as": done.saved.pk if done.saved else None,
            "dry_run": done.dry_run,
        }
        if done.dry_run:
            text = f"{done.source} ({done.device_jid}) is sound; dry run, nothing was changed"
        else:
            saved = f"; what was there is snapshot {done.saved.pk}" if done.saved else ""
            text = f"{done.account_id} has {done.source} ({done.device_jid}){saved}. Now connect it"
        self._say(row, text)

    def _show(self, rows: Rows, columns: list[str]) -> None:
        text = json.dumps(rows, indent=2) if self.as_json else table(rows, columns)
        self.stdout.write(text)

    def _say(self, row: dict[str, Any], text: str) -> None:
        self.stdout.write(json.dumps(row, indent=2) if self.as_json else text)


def _replacing(parser: ArgumentParser) -> None:
    parser.add_argument("--dry-run", action="store_true", help="check it, change nothing")
    parser.add_argument("--force", action="store_true", help="disconnect the account first")


def _accounts(options: dict[str, Any]) -> Iterable[WhatsAppAccount]:
    if bool(options["account"]) == options["all"]:
        raise StoreError("name one account, or use --all")
    if options["account"]:
        return [inspection.find_account(options["account"])]
    present: QuerySet[WhatsAppAccount] = WhatsAppAccount.objects.present()
    return present.select_related("session").order_by("created_at", "pk")
