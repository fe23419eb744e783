-- Numbers are hashes of what names a row: one unique index to a table, so that inserting what is there never meets a second.

-- A run of cases or of a load. `digest` is of what was imported: the same run twice is one run.
CREATE TABLE run (
    no BIGINT PRIMARY KEY,
    run_id TEXT NOT NULL,
    digest TEXT NOT NULL,
    kind TEXT NOT NULL,
    branch TEXT NOT NULL,
    place TEXT NOT NULL,
    build TEXT NOT NULL,
    started_at TEXT NOT NULL,
    verdict TEXT NOT NULL,
    complete BIGINT NOT NULL,
    head TEXT NOT NULL
);
CREATE INDEX run_in_time ON run (started_at, no);
CREATE INDEX run_of_track ON run (branch, place, started_at, no);

-- A case of the catalogue, as the latest run knew it.
CREATE TABLE suite_case (
    no BIGINT PRIMARY KEY,
    id TEXT NOT NULL,
    seen_at TEXT NOT NULL,
    info TEXT NOT NULL
);

-- What a run decided of a case on a kind of homeserver.
CREATE TABLE outcome (
    run BIGINT NOT NULL REFERENCES run (no) ON DELETE CASCADE,
    suite_case BIGINT NOT NULL REFERENCES suite_case (no),
    server TEXT NOT NULL,
    level TEXT NOT NULL,
    verdict TEXT NOT NULL,
    seen TEXT NOT NULL,
    reason TEXT NOT NULL,
    accepted BIGINT NOT NULL,
    duration_ms BIGINT NOT NULL,
    PRIMARY KEY (run, suite_case, server)
);
CREATE INDEX outcome_of_case ON outcome (suite_case, run);

-- A figure that is followed, and its values.
CREATE TABLE series (
    no BIGINT PRIMARY KEY,
    name TEXT NOT NULL,
    kind TEXT NOT NULL,
    unit TEXT NOT NULL
);
CREATE TABLE figure (
    run BIGINT NOT NULL REFERENCES run (no) ON DELETE CASCADE,
    series BIGINT NOT NULL REFERENCES series (no),
    value DOUBLE PRECISION NOT NULL,
    PRIMARY KEY (series, run)
);
CREATE INDEX figure_of_run ON figure (run);

-- Files of a run, deflated: its record with all evidence, histograms.
CREATE TABLE document (
    run BIGINT NOT NULL REFERENCES run (no) ON DELETE CASCADE,
    name TEXT NOT NULL,
    body BLOB NOT NULL,
    PRIMARY KEY (run, name)
);
