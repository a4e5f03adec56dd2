"""The tables of the store of results, and whether a file has them."""

from __future__ import annotations

import sqlite3
from pathlib import Path

from ..errors import InputError

APPLICATION = 0x42657350
"""Marks a SQLite file as ours: the letters BesP."""
FORM = 1
"""Raised when the tables change; a store of another form is told apart and left as it is."""

SETTING_NAMES = (
    "checkpoint",
    "checkpoint_sha256",
    "run",
    "epoch",
    "prompt_name",
    "prompt",
    "seed",
    "base",
    "steps",
    "cfg",
    "sampler_name",
    "scheduler",
    "width",
    "height",
    "negative_prompt",
    "strength_model",
    "strength_clip",
)
"""Columns that hold a cell's settings, under the names of `plan.Cell.settings`."""

CELL_COLUMNS = (
    *("folder", "key"),
    *SETTING_NAMES,
    *("picture", "picture_sha256", "stamp", "versions", "device", "seconds", "created"),
)

SCHEMA = (
    f"PRAGMA application_id = {APPLICATION}",
    f"PRAGMA user_version = {FORM}",
    """CREATE TABLE sweeps (
        folder TEXT NOT NULL, -- the sweep's, relative to the store's
        plan TEXT NOT NULL, -- content key of the plan
        created REAL NOT NULL, -- seconds since 1970, UTC
        description TEXT NOT NULL, -- JSON
        PRIMARY KEY (folder, plan)
    ) WITHOUT ROWID""",
    """CREATE TABLE cells (
        folder TEXT NOT NULL,
        key TEXT NOT NULL, -- content key of everything that makes the picture
        checkpoint TEXT NOT NULL, checkpoint_sha256 TEXT, run TEXT, epoch INTEGER,
        prompt_name TEXT NOT NULL, prompt TEXT NOT NULL,
        seed TEXT NOT NULL, -- up to 2^64 - 1
        base TEXT NOT NULL, -- content key of base model, text encoder, autoencoder
        steps INTEGER, cfg REAL, sampler_name TEXT, scheduler TEXT, width INTEGER, height INTEGER,
        negative_prompt TEXT, strength_model REAL, strength_clip REAL,
        picture TEXT NOT NULL, picture_sha256 TEXT NOT NULL, stamp TEXT NOT NULL,
        versions TEXT NOT NULL, device TEXT NOT NULL, seconds REAL, created REAL NOT NULL,
        PRIMARY KEY (folder, key)
    )""",
    "CREATE INDEX cells_by_key ON cells (key)",
    "CREATE INDEX cells_by_cost ON cells (width, height, steps, device, created)",
    """CREATE TABLE scores (
        picture_sha256 TEXT NOT NULL,
        prompt TEXT NOT NULL,
        scored_with TEXT NOT NULL, -- content key of sprite settings, training set, scorer
        scorer INTEGER NOT NULL, -- version of the scorer
        scores TEXT NOT NULL, -- JSON
        created REAL NOT NULL,
        PRIMARY KEY (picture_sha256, prompt, scored_with)
    ) WITHOUT ROWID""",
    "CREATE TABLE floors (key TEXT PRIMARY KEY, floor TEXT NOT NULL) WITHOUT ROWID",
)

ADDED = (
    """CREATE TABLE IF NOT EXISTS problems (
        folder TEXT NOT NULL,
        key TEXT NOT NULL, -- of a cell that was tried and gave no picture
        problem TEXT NOT NULL, -- in words
        created REAL NOT NULL,
        PRIMARY KEY (folder, key)
    ) WITHOUT ROWID""",
)
"""Tables that earlier versions did not make; those leave them alone, so that the form stays the same."""


def form_of(connection: sqlite3.Connection, path: Path) -> int:
    """Return the form of an open store, 0 for an empty file; nothing is changed.

    Raises:
        InputError: the file is another program's, or of a newer form.
    """
    application = connection.execute("PRAGMA application_id").fetchone()[0]
    form = int(connection.execute("PRAGMA user_version").fetchone()[0])
    tables = connection.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]
    if application == 0 and form == 0 and tables == 0:
        return 0
    if application != APPLICATION:
        raise InputError(
            "is another program's database, not a store of results",
            file=path,
            remedy="Move it away; it was not changed.",
        )
    if form != FORM:
        age = "a newer" if form > FORM else "an older"
        raise InputError(
            f"was written by {age} Bespoke (form {form}; this one knows form {FORM})",
            file=path,
            remedy="Use that version, or move the file away; it was not changed.",
        )
    return form
