CREATE INDEX audit_request ON audit (request_id) WHERE request_id IS NOT NULL
CREATE INDEX dependency_parent ON dependency (parent, seq)
CREATE INDEX history_created ON history (created_at)
CREATE INDEX history_finished ON history (finished_at)
CREATE INDEX history_status ON history (status)
CREATE INDEX history_updated ON history (updated_at)
CREATE INDEX request_batch ON request (zone, entity, batch, seq) WHERE waits = 0 AND batch IS NOT NULL
CREATE INDEX request_busy ON request (lane) WHERE status IN ('processing', 'uncertain')
CREATE UNIQUE INDEX request_dedup ON request (dedup_key) WHERE dedup_key IS NOT NULL
CREATE INDEX request_due ON request (due_at) WHERE due_at IS NOT NULL
CREATE INDEX request_flight ON request (flight, seq) WHERE flight IS NOT NULL
CREATE INDEX request_lane ON request (lane, seq) WHERE lane IS NOT NULL
CREATE INDEX request_merged ON request (merged_into, seq) WHERE merged_into IS NOT NULL
CREATE INDEX request_raised ON request (zone, entity, rank, seq) WHERE rank > priority
CREATE INDEX request_reads ON request (zone, entity, rank, seq) WHERE waits = 0 AND effect = 'read'
CREATE INDEX request_ready ON request (zone, entity, rank, seq) WHERE waits = 0
CREATE TABLE attempt ( seq INTEGER NOT NULL, number INTEGER NOT NULL, kind TEXT NOT NULL, result TEXT NOT NULL, started_at REAL NOT NULL, ended_at REAL, http_status INTEGER, failure BLOB, note TEXT NOT NULL, PRIMARY KEY (seq, number) ) STRICT, WITHOUT ROWID
CREATE TABLE audit ( seq INTEGER PRIMARY KEY, at REAL NOT NULL, kind TEXT NOT NULL, request_id TEXT, rest BLOB NOT NULL, prev_hash BLOB NOT NULL, hash BLOB NOT NULL ) STRICT
CREATE TABLE breaker (zone TEXT PRIMARY KEY, value BLOB NOT NULL) STRICT, WITHOUT ROWID
CREATE TABLE counter ( zone TEXT NOT NULL, entity TEXT NOT NULL, status TEXT NOT NULL, priority INTEGER NOT NULL, count INTEGER NOT NULL, PRIMARY KEY (zone, entity, status, priority) ) STRICT, WITHOUT ROWID
CREATE TABLE dependency ( seq INTEGER NOT NULL, parent TEXT NOT NULL, PRIMARY KEY (seq, parent) ) STRICT, WITHOUT ROWID
CREATE TABLE document ( kind TEXT NOT NULL, key TEXT NOT NULL, value BLOB NOT NULL, at REAL NOT NULL, PRIMARY KEY (kind, key) ) STRICT, WITHOUT ROWID
CREATE TABLE history ( seq INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, status TEXT NOT NULL CHECK (status = 'completed' OR status = 'failed' OR status = 'cancelled' OR status = 'expired'), zone TEXT NOT NULL, endpoint TEXT NOT NULL, method TEXT NOT NULL, effect TEXT NOT NULL CHECK (effect = 'read' OR effect = 'write'), entity TEXT NOT NULL, priority INTEGER NOT NULL, summary TEXT NOT NULL, created_at REAL NOT NULL, updated_at REAL NOT NULL, attempts INTEGER NOT NULL DEFAULT 0, max_retries INTEGER NOT NULL, lane TEXT, reason TEXT, reason_text TEXT NOT NULL DEFAULT '', scheduled_at REAL, not_before REAL, expires_at REAL, finished_at REAL, http_status INTEGER, failure_title TEXT NOT NULL DEFAULT '', record_id INTEGER, actor TEXT NOT NULL, fence INTEGER NOT NULL DEFAULT 0, dedup_key TEXT, restore_to TEXT, failure BLOB, haystack TEXT NOT NULL , batch TEXT, merged_into TEXT, flight TEXT) STRICT
CREATE TABLE meta (name TEXT PRIMARY KEY, value ANY) STRICT, WITHOUT ROWID
CREATE TABLE minute (at REAL PRIMARY KEY, value BLOB NOT NULL) STRICT, WITHOUT ROWID
CREATE TABLE payload (seq INTEGER PRIMARY KEY, value BLOB NOT NULL) STRICT
CREATE TABLE reply (seq INTEGER PRIMARY KEY, value BLOB NOT NULL) STRICT
CREATE TABLE request ( seq INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, status TEXT NOT NULL CHECK (status = 'pending' OR status = 'deferred' OR status = 'processing' OR status = 'retrying' OR status = 'uncertain' OR status = 'held'), zone TEXT NOT NULL, endpoint TEXT NOT NULL, method TEXT NOT NULL, effect TEXT NOT NULL CHECK (effect = 'read' OR effect = 'write'), entity TEXT NOT NULL, priority INTEGER NOT NULL, summary TEXT NOT NULL, created_at REAL NOT NULL, updated_at REAL NOT NULL, attempts INTEGER NOT NULL DEFAULT 0, max_retries INTEGER NOT NULL, lane TEXT, reason TEXT, reason_text TEXT NOT NULL DEFAULT '', scheduled_at REAL, not_before REAL, expires_at REAL, finished_at REAL, http_status INTEGER, failure_title TEXT NOT NULL DEFAULT '', record_id INTEGER, actor TEXT NOT NULL, fence INTEGER NOT NULL DEFAULT 0, dedup_key TEXT, restore_to TEXT, failure BLOB, haystack TEXT NOT NULL, waits INTEGER CHECK (waits BETWEEN 0 AND 7), due_at REAL , batch TEXT, merged_into TEXT, rank INTEGER NOT NULL DEFAULT 0, flight TEXT) STRICT
CREATE TRIGGER audit_is_append_only BEFORE DELETE ON audit WHEN OLD.seq > coalesce((SELECT value FROM meta WHERE name = 'audit_pruned_to'), 0) BEGIN SELECT RAISE(ABORT, 'the audit trail is append only'); END
CREATE TRIGGER audit_is_never_changed BEFORE UPDATE ON audit BEGIN SELECT RAISE(ABORT, 'the audit trail is never changed'); END
