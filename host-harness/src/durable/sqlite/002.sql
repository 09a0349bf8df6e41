-- What is over does not stay for ever: what a sweep goes by, and who was forgotten.

-- The body of a delivery stands in its task alone, and goes when that is done.
UPDATE task SET payload = '' WHERE kind = 'delivery' AND status = 'done';
UPDATE run SET input = json_replace(input, '$.assignments[0].task.payload', '')
WHERE ordering_key LIKE 'inbox/%' AND json_valid(input) AND json_extract(input, '$.assignments[0].task.kind') = 'delivery';

ALTER TABLE run ADD COLUMN bytes INTEGER NOT NULL DEFAULT 0;    -- of its input and its journal
UPDATE run SET bytes = octet_length(input) + (
    SELECT COALESCE(SUM(octet_length(record)), 0) FROM journal
    WHERE journal.installation = run.installation AND journal.run = run.id
);

CREATE INDEX run_ended ON run (installation, ended_at, bytes) WHERE ended_at IS NOT NULL;
CREATE INDEX task_ended ON task (installation, status, ended_at) WHERE ended_at IS NOT NULL;
CREATE INDEX log_by_time ON log (installation, at);
CREATE INDEX change_by_time ON change (installation, at);

CREATE TABLE forgotten (
    installation TEXT NOT NULL,
    hash TEXT NOT NULL,             -- salted, of the subject
    dropped INTEGER NOT NULL,       -- tasks about them that came since
    runs_until INTEGER,             -- while runs up to this one may still name them
    PRIMARY KEY (installation, hash)
) STRICT, WITHOUT ROWID;

CREATE TABLE salt (salt BLOB NOT NULL) STRICT;
INSERT INTO salt (salt) VALUES (randomblob(32));
