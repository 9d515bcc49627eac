PRAGMA application_id = 1885696614;
PRAGMA user_version = 1;
BEGIN TRANSACTION;
CREATE TABLE "_sqlite_migrations" (
   "id" INTEGER PRIMARY KEY,
   "migration_set" TEXT,
   "name" TEXT,
   "applied_at" TEXT
);
INSERT INTO "_sqlite_migrations" VALUES(1,'perfctl','m0001_begin','2026-11-24 12:00:00.000000+00:00');
CREATE TABLE alert_event(                   -- a number is never used again: who tells, counts
    id INTEGER PRIMARY KEY AUTOINCREMENT, alert_id TEXT NOT NULL, at_ms INTEGER NOT NULL,
    event TEXT NOT NULL, actor TEXT, note TEXT, value REAL,
    step INTEGER NOT NULL DEFAULT 0,        -- 1, 2, … within its alert
    severity TEXT, threshold REAL) STRICT;
CREATE TABLE api_performance_metric(        -- level: 1 minute, 3 hour, 4 day
    level INTEGER NOT NULL, period INTEGER NOT NULL, origin_id INTEGER NOT NULL,
    endpoint_id INTEGER NOT NULL, status_class INTEGER NOT NULL,
    requests INTEGER NOT NULL, errors INTEGER NOT NULL,
    sum_us INTEGER NOT NULL, max_us INTEGER NOT NULL,
    cpu_us INTEGER NOT NULL, queue_us INTEGER NOT NULL, queue_requests INTEGER NOT NULL,
    queries INTEGER NOT NULL, queries_max INTEGER NOT NULL, watched_requests INTEGER NOT NULL,
    db_us INTEGER NOT NULL, n_plus_one INTEGER NOT NULL, duplicates INTEGER NOT NULL,
    cache_hits INTEGER NOT NULL, cache_misses INTEGER NOT NULL, response_bytes INTEGER NOT NULL,
    sketch BLOB NOT NULL,                   -- u32 words, bucket << 20 | count
    PRIMARY KEY(level, period, origin_id, endpoint_id, status_class)) STRICT, WITHOUT ROWID;
INSERT INTO "api_performance_metric" VALUES(1,29399999,1,1,2,1,0,12000,12000,3000,0,0,2,2,1,1500,1,0,3,1,512,X'0100601D');
INSERT INTO "api_performance_metric" VALUES(1,29400000,1,1,5,1,1,12000,12000,3000,0,0,0,0,0,0,0,0,0,0,512,X'0100601D');
INSERT INTO "api_performance_metric" VALUES(3,489999,1,1,2,1,0,12000,12000,3000,0,0,2,2,1,1500,1,0,3,1,512,X'0100601D');
INSERT INTO "api_performance_metric" VALUES(3,490000,1,1,5,1,1,12000,12000,3000,0,0,0,0,0,0,0,0,0,0,512,X'0100601D');
INSERT INTO "api_performance_metric" VALUES(4,20416,1,1,2,1,0,12000,12000,3000,0,0,2,2,1,1500,1,0,3,1,512,X'0100601D');
INSERT INTO "api_performance_metric" VALUES(4,20416,1,1,5,1,1,12000,12000,3000,0,0,0,0,0,0,0,0,0,0,512,X'0100601D');
CREATE TABLE cache_metric(
    level INTEGER NOT NULL, period INTEGER NOT NULL, origin_id INTEGER NOT NULL,
    prefix_id INTEGER NOT NULL,
    requests INTEGER NOT NULL, hits INTEGER NOT NULL, misses INTEGER NOT NULL,
    writes INTEGER NOT NULL, sum_us INTEGER NOT NULL,
    PRIMARY KEY(level, period, origin_id, prefix_id)) STRICT, WITHOUT ROWID;
INSERT INTO "cache_metric" VALUES(2,2939999,1,1,1,3,1,2,80);
INSERT INTO "cache_metric" VALUES(3,489999,1,1,1,3,1,2,80);
INSERT INTO "cache_metric" VALUES(4,20416,1,1,1,3,1,2,80);
CREATE TABLE cache_prefix(
    id INTEGER PRIMARY KEY, alias TEXT NOT NULL, prefix TEXT NOT NULL, UNIQUE(alias, prefix)) STRICT;
INSERT INTO "cache_prefix" VALUES(1,'default','item');
CREATE TABLE call_site(                     -- a line, and what to do about an N+1 there
    id INTEGER PRIMARY KEY,                 -- 0: no N+1 call site
    location TEXT NOT NULL, detail TEXT NOT NULL, UNIQUE(location, detail)) STRICT;
INSERT INTO "call_site" VALUES(0,'','');
INSERT INTO "call_site" VALUES(1,'app/views.py:9 in page','select_related(''owner'')');
CREATE TABLE collector(
    host TEXT NOT NULL, name TEXT NOT NULL, last_ms INTEGER NOT NULL, interval_s REAL, state TEXT,
    PRIMARY KEY(host, name)) STRICT, WITHOUT ROWID;
CREATE TABLE counter(
    host TEXT NOT NULL, name TEXT NOT NULL, count INTEGER NOT NULL, last_ms INTEGER NOT NULL,
    PRIMARY KEY(host, name)) STRICT, WITHOUT ROWID;
INSERT INTO "counter" VALUES('web1','dropped:spool_full',2,1764000000000);
CREATE TABLE dependency_scan(
    id INTEGER PRIMARY KEY, at_ms INTEGER NOT NULL, host TEXT NOT NULL, target TEXT NOT NULL,
    complete INTEGER NOT NULL, audited INTEGER NOT NULL, total INTEGER NOT NULL,
    advisories_ms INTEGER, superseded_ms INTEGER, detail TEXT) STRICT;
CREATE TABLE dependency_version(
    scan_id INTEGER NOT NULL, name TEXT NOT NULL, installed TEXT, latest TEXT, update_type TEXT,
    status TEXT NOT NULL, vulnerabilities TEXT NOT NULL, direct INTEGER, imported TEXT,
    PRIMARY KEY(scan_id, name)) STRICT, WITHOUT ROWID;
CREATE TABLE deploy(                        -- state: marked by hand, or seen in the requests
    id INTEGER PRIMARY KEY, at_ms INTEGER NOT NULL, state TEXT NOT NULL, host TEXT NOT NULL,
    environment TEXT NOT NULL, release TEXT NOT NULL, ref TEXT NOT NULL, commit_id TEXT NOT NULL,
    origin TEXT NOT NULL,                   -- who named the commit: GITHUB_SHA, .git …
    target TEXT, package_set_id INTEGER) STRICT;
CREATE TABLE endpoint(
    id INTEGER PRIMARY KEY,
    method TEXT NOT NULL, route TEXT NOT NULL,
    kind INTEGER NOT NULL,                  -- 0 plain, 1 probe, 2 long poll
    first_seen_ms INTEGER NOT NULL,
    UNIQUE(method, route, kind)) STRICT;
INSERT INTO "endpoint" VALUES(1,'GET','/items/',0,1764000000000);
CREATE TABLE endpoint_total(                -- hours and days over all hosts and releases
    level INTEGER NOT NULL, period INTEGER NOT NULL, source TEXT NOT NULL,
    endpoint_id INTEGER NOT NULL, status_class INTEGER NOT NULL,
    requests INTEGER NOT NULL, errors INTEGER NOT NULL,
    sum_us INTEGER NOT NULL, max_us INTEGER NOT NULL,
    cpu_us INTEGER NOT NULL, queue_us INTEGER NOT NULL, queue_requests INTEGER NOT NULL,
    queries INTEGER NOT NULL, queries_max INTEGER NOT NULL, watched_requests INTEGER NOT NULL,
    db_us INTEGER NOT NULL, n_plus_one INTEGER NOT NULL, duplicates INTEGER NOT NULL,
    cache_hits INTEGER NOT NULL, cache_misses INTEGER NOT NULL, response_bytes INTEGER NOT NULL,
    sketch BLOB NOT NULL,                   -- u32 words, bucket << 20 | count
    PRIMARY KEY(level, period, source, endpoint_id, status_class)) STRICT, WITHOUT ROWID;
INSERT INTO "endpoint_total" VALUES(3,489999,'live',1,2,1,0,12000,12000,3000,0,0,2,2,1,1500,1,0,3,1,512,X'0100601D');
INSERT INTO "endpoint_total" VALUES(3,490000,'live',1,5,1,1,12000,12000,3000,0,0,0,0,0,0,0,0,0,0,512,X'0100601D');
INSERT INTO "endpoint_total" VALUES(4,20416,'live',1,2,1,0,12000,12000,3000,0,0,2,2,1,1500,1,0,3,1,512,X'0100601D');
INSERT INTO "endpoint_total" VALUES(4,20416,'live',1,5,1,1,12000,12000,3000,0,0,0,0,0,0,0,0,0,0,512,X'0100601D');
CREATE TABLE error_event(                   -- who resolved, ignored, reopened; and what returned
    id INTEGER PRIMARY KEY, group_id TEXT NOT NULL, at_ms INTEGER NOT NULL,
    event TEXT NOT NULL, actor TEXT, note TEXT) STRICT;
CREATE TABLE error_group(
    id TEXT PRIMARY KEY,                    -- 12 hex digits of the fingerprint
    source TEXT NOT NULL, type TEXT NOT NULL, location TEXT, frames TEXT NOT NULL, message TEXT,
    status TEXT NOT NULL, count INTEGER NOT NULL,
    first_seen_ms INTEGER NOT NULL, last_seen_ms INTEGER NOT NULL,
    resolved_ms INTEGER, resolved_by TEXT, ignore_until_ms INTEGER, ignore_until_count INTEGER,
    first_release TEXT,
    next_release INTEGER NOT NULL DEFAULT 0 -- 1: only a release not seen yet makes it return
    ) STRICT, WITHOUT ROWID;
INSERT INTO "error_group" VALUES('3dd405ee2308','live','KeyError','app/views.py:3 in page','[["app/views.py", 3, "page"]]',NULL,'open',1,1764000000000,1764000000000,NULL,NULL,NULL,NULL,'r1',0);
CREATE TABLE error_log(                     -- id = at_ms << 20 | tie
    id INTEGER PRIMARY KEY, group_id TEXT NOT NULL, origin_id INTEGER NOT NULL,
    endpoint_id INTEGER, request_id TEXT, status INTEGER, handled INTEGER NOT NULL,
    message TEXT, agent TEXT, user TEXT) STRICT;
INSERT INTO "error_log" VALUES(1849688064000872237,'3dd405ee2308',1,1,'two',500,0,NULL,'Firefox 130',NULL);
CREATE TABLE frontend_metric(               -- id = at_ms << 20 | tie
    id INTEGER PRIMARY KEY, origin_id INTEGER NOT NULL, kind TEXT NOT NULL, name TEXT NOT NULL,
    page TEXT, value REAL NOT NULL, status INTEGER, success INTEGER, request_id TEXT,
    batch TEXT, item INTEGER, agent TEXT, user TEXT, detail TEXT,
    UNIQUE(batch, item)) STRICT;
CREATE TABLE instance(
    host TEXT NOT NULL, name TEXT NOT NULL, first_seen_ms INTEGER NOT NULL,
    last_seen_ms INTEGER NOT NULL, PRIMARY KEY(host, name)) STRICT, WITHOUT ROWID;
CREATE TABLE job(
    id TEXT PRIMARY KEY, kind TEXT NOT NULL, status TEXT NOT NULL, created_ms INTEGER NOT NULL,
    started_ms INTEGER, ended_ms INTEGER, actor TEXT, result TEXT) STRICT, WITHOUT ROWID;
CREATE TABLE judged_minute(                 -- how many requests a minute had when it was judged
    period INTEGER PRIMARY KEY, requests INTEGER NOT NULL) STRICT;
CREATE TABLE meta(key TEXT PRIMARY KEY, value ANY NOT NULL) STRICT, WITHOUT ROWID;
INSERT INTO "meta" VALUES('compacted_ms',1764000000000);
INSERT INTO "meta" VALUES('min_reader',1);
INSERT INTO "meta" VALUES('newest_ms',1764000000000);
CREATE TABLE origin(
    id INTEGER PRIMARY KEY,
    host TEXT NOT NULL, release TEXT NOT NULL, environment TEXT NOT NULL, source TEXT NOT NULL,
    first_seen_ms INTEGER NOT NULL, last_seen_ms INTEGER NOT NULL,
    UNIQUE(host, release, environment, source)) STRICT;
INSERT INTO "origin" VALUES(1,'web1','r1','production','live',1764000000000,1764000000000);
CREATE TABLE outbox(
    id TEXT PRIMARY KEY, created_ms INTEGER NOT NULL, channel TEXT NOT NULL, body TEXT NOT NULL,
    attempts INTEGER NOT NULL, next_ms INTEGER NOT NULL, delivered_ms INTEGER) STRICT, WITHOUT ROWID;
CREATE TABLE package_set(                   -- packages: JSON, name to version
    id INTEGER PRIMARY KEY, digest TEXT NOT NULL UNIQUE, packages TEXT NOT NULL) STRICT;
CREATE TABLE package_sighting(              -- a row each time the set of a target changed
    id INTEGER PRIMARY KEY, at_ms INTEGER NOT NULL, host TEXT NOT NULL, target TEXT NOT NULL,
    package_set_id INTEGER NOT NULL) STRICT;
CREATE TABLE performance_alert(
    id TEXT PRIMARY KEY, rule TEXT NOT NULL, subject TEXT NOT NULL, host TEXT,
    severity TEXT NOT NULL, status TEXT NOT NULL,
    value REAL, threshold REAL, target REAL, peak REAL, unit TEXT,
    pending_ms INTEGER, opened_ms INTEGER, acknowledged_ms INTEGER, acknowledged_by TEXT,
    acknowledged_value REAL, snoozed_until_ms INTEGER, note TEXT,
    resolved_ms INTEGER, resolved_by TEXT, detail TEXT,
    acknowledged_severity TEXT, measured_ms INTEGER,
    pending_over INTEGER NOT NULL DEFAULT 0,   -- samples above the threshold while pending
    pending_all INTEGER NOT NULL DEFAULT 0) STRICT, WITHOUT ROWID;
CREATE TABLE performance_metric(            -- one row a request; id = started_ms << 20 | tie
    id INTEGER PRIMARY KEY,
    origin_id INTEGER NOT NULL, endpoint_id INTEGER NOT NULL,
    status INTEGER NOT NULL, duration_us INTEGER NOT NULL, response_bytes INTEGER,
    request_id TEXT NOT NULL, flags INTEGER NOT NULL,
    cpu_us INTEGER, queue_us INTEGER, rss_kib INTEGER, rss_delta_kib INTEGER,
    queries INTEGER, db_us INTEGER,
    n_plus_one INTEGER, duplicates INTEGER, cache_hits INTEGER, cache_misses INTEGER,
    user TEXT, lifetime_us INTEGER, test_id INTEGER) STRICT;
INSERT INTO "performance_metric" VALUES(1849688063995648314,1,1,200,12000,512,'one',0,3000,NULL,45000,4,2,1500,1,0,3,1,'7',NULL,1);
INSERT INTO "performance_metric" VALUES(1849688064000823654,1,1,500,12000,512,'two',1,3000,NULL,45000,4,NULL,NULL,NULL,NULL,0,0,NULL,NULL,NULL);
CREATE TABLE performance_prediction(
    id INTEGER PRIMARY KEY, at_ms INTEGER NOT NULL, kind TEXT NOT NULL, subject TEXT NOT NULL,
    p50_ms REAL, p95_ms REAL, baseline_ms REAL, is_anomaly INTEGER, score REAL,
    explanation TEXT, model TEXT, actual_ms REAL) STRICT;
CREATE TABLE query_metric(                  -- level: 2 ten minutes, 3 hour, 4 day
    level INTEGER NOT NULL, period INTEGER NOT NULL, origin_id INTEGER NOT NULL,
    endpoint_id INTEGER NOT NULL, pattern_id INTEGER NOT NULL, site_id INTEGER NOT NULL,
    requests INTEGER NOT NULL, calls INTEGER NOT NULL, sum_us INTEGER NOT NULL,
    max_us INTEGER NOT NULL, n_plus_one INTEGER NOT NULL, duplicates INTEGER NOT NULL,
    sketch BLOB NOT NULL,
    PRIMARY KEY(level, period, origin_id, endpoint_id, pattern_id, site_id)) STRICT, WITHOUT ROWID;
INSERT INTO "query_metric" VALUES(2,2939999,1,1,1,0,1,2,1000,700,0,0,X'0100E01101008014');
INSERT INTO "query_metric" VALUES(2,2939999,1,1,1,1,1,8,4000,500,1,0,X'08007013');
INSERT INTO "query_metric" VALUES(3,489999,1,1,1,0,1,2,1000,700,0,0,X'0100E01101008014');
INSERT INTO "query_metric" VALUES(3,489999,1,1,1,1,1,8,4000,500,1,0,X'08007013');
INSERT INTO "query_metric" VALUES(4,20416,1,1,1,0,1,2,1000,700,0,0,X'0100E01101008014');
INSERT INTO "query_metric" VALUES(4,20416,1,1,1,1,1,8,4000,500,1,0,X'08007013');
CREATE TABLE query_pattern(
    id INTEGER PRIMARY KEY,
    alias TEXT NOT NULL, fingerprint TEXT NOT NULL,
    first_seen_ms INTEGER NOT NULL,
    UNIQUE(alias, fingerprint)) STRICT;
INSERT INTO "query_pattern" VALUES(1,'default','SELECT * FROM item WHERE owner_id = ?',1764000000000);
CREATE TABLE sighting(                      -- what a rule for new things has seen
    rule TEXT NOT NULL, subject TEXT NOT NULL, first_ms INTEGER NOT NULL, last_ms INTEGER NOT NULL,
    PRIMARY KEY(rule, subject)) STRICT, WITHOUT ROWID;
CREATE TABLE span_metric(
    level INTEGER NOT NULL, period INTEGER NOT NULL, origin_id INTEGER NOT NULL,
    endpoint_id INTEGER NOT NULL, span_id INTEGER NOT NULL,
    requests INTEGER NOT NULL, calls INTEGER NOT NULL, sum_us INTEGER NOT NULL,
    PRIMARY KEY(level, period, origin_id, endpoint_id, span_id)) STRICT, WITHOUT ROWID;
INSERT INTO "span_metric" VALUES(2,2939999,1,1,1,1,1,90);
INSERT INTO "span_metric" VALUES(3,489999,1,1,1,1,1,90);
INSERT INTO "span_metric" VALUES(4,20416,1,1,1,1,1,90);
CREATE TABLE span_name(id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE) STRICT;
INSERT INTO "span_name" VALUES(1,'seal');
CREATE TABLE spool_pattern(
    segment TEXT NOT NULL, ordinal INTEGER NOT NULL, pattern_id INTEGER NOT NULL,
    PRIMARY KEY(segment, ordinal)) STRICT, WITHOUT ROWID;
CREATE TABLE spool_position(                -- committed with the rows it covers
    segment TEXT PRIMARY KEY, position INTEGER NOT NULL, origin_id INTEGER,
    format INTEGER, pid INTEGER, seen_ms INTEGER NOT NULL) STRICT, WITHOUT ROWID;
CREATE TABLE store_size(
    at_ms INTEGER PRIMARY KEY, store_bytes INTEGER NOT NULL, spool_bytes INTEGER NOT NULL) STRICT;
CREATE TABLE system_hour(
    host TEXT NOT NULL, period INTEGER NOT NULL,
    cpu_samples INTEGER NOT NULL, cpu_sum REAL NOT NULL, cpu_max REAL,
    memory_samples INTEGER NOT NULL, memory_sum REAL NOT NULL, memory_max REAL,
    disk_max REAL, load1_max REAL,
    PRIMARY KEY(host, period)) STRICT, WITHOUT ROWID;
CREATE TABLE system_metric(                 -- id = at_ms << 20 | tie
    id INTEGER PRIMARY KEY, host TEXT NOT NULL, interval_s REAL, scope TEXT NOT NULL,
    cpu REAL, memory REAL, swap REAL, load1 REAL, disk REAL, disk_mount TEXT,
    net_in_bps REAL, net_out_bps REAL, disk_read_bps REAL, disk_write_bps REAL,
    open_files INTEGER, processes INTEGER,
    detail TEXT NOT NULL                    -- JSON: disks, counters, the largest processes
    ) STRICT;
CREATE TABLE test_case(id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE) STRICT;
INSERT INTO "test_case" VALUES(1,'t::one');
CREATE TABLE test_request(                  -- what a test's request asked; id = at_ms << 20 | tie
    id INTEGER PRIMARY KEY,
    segment_id INTEGER NOT NULL, origin_id INTEGER NOT NULL, test_id INTEGER NOT NULL,
    endpoint_id INTEGER NOT NULL, duration_us INTEGER NOT NULL, queries INTEGER,
    cache_hits INTEGER NOT NULL, cache_misses INTEGER NOT NULL,
    uses TEXT NOT NULL                      -- JSON: [pattern_id, calls, site_id of its N+1 or null]
    ) STRICT;
CREATE TABLE test_segment(                  -- which process of a test run wrote a segment
    id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE, process TEXT NOT NULL) STRICT;
CREATE UNIQUE INDEX "idx__sqlite_migrations_migration_set_name"
    ON "_sqlite_migrations" ("migration_set", "name");
CREATE INDEX error_event_of_group ON error_event(group_id, id);
CREATE INDEX error_log_of_group ON error_log(group_id, id);
CREATE INDEX alert_event_of_alert ON alert_event(alert_id, id);
CREATE VIEW v_requests AS
SELECT strftime('%Y-%m-%dT%H:%M:%S', (m.id >> 20) / 1000, 'unixepoch')
           || printf('.%03dZ', (m.id >> 20) % 1000) AS started_at,
       m.id >> 20 AS started_ms, m.request_id, o.host, o.release, o.environment, o.source,
       e.method, e.route, e.kind, m.status, m.duration_us / 1000.0 AS duration_ms,
       m.queue_us / 1000.0 AS queue_ms, m.cpu_us / 1000.0 AS cpu_ms, m.queries,
       m.db_us / 1000.0 AS db_ms, m.n_plus_one, m.duplicates, m.cache_hits, m.cache_misses,
       m.response_bytes, m.rss_kib, m.rss_delta_kib, m.user, m.flags,
       m.lifetime_us / 1000.0 AS lifetime_ms, t.name AS test
FROM performance_metric m JOIN origin o ON o.id = m.origin_id
JOIN endpoint e ON e.id = m.endpoint_id LEFT JOIN test_case t ON t.id = m.test_id;
CREATE VIEW v_endpoints AS
SELECT CASE c.level WHEN 1 THEN 'minute' WHEN 3 THEN 'hour' ELSE 'day' END AS level,
       strftime('%Y-%m-%dT%H:%M:%SZ', c.period * CASE c.level WHEN 1 THEN 60 WHEN 3 THEN 3600
                ELSE 86400 END, 'unixepoch') AS period_start,
       o.host, o.release, o.environment, o.source, e.method, e.route, e.kind, c.status_class,
       c.requests, c.errors, c.sum_us / 1000.0 AS total_ms, c.max_us / 1000.0 AS max_ms,
       c.sum_us / 1000.0 / c.requests AS avg_ms, c.queries, c.db_us / 1000.0 AS db_ms,
       c.n_plus_one, c.cache_hits, c.cache_misses
FROM api_performance_metric c JOIN origin o ON o.id = c.origin_id
JOIN endpoint e ON e.id = c.endpoint_id;
CREATE VIEW v_queries AS
SELECT CASE q.level WHEN 2 THEN 'ten_minutes' WHEN 3 THEN 'hour' ELSE 'day' END AS level,
       strftime('%Y-%m-%dT%H:%M:%SZ', q.period * CASE q.level WHEN 2 THEN 600 WHEN 3 THEN 3600
                ELSE 86400 END, 'unixepoch') AS period_start,
       o.host, o.release, o.source, e.method, e.route, p.alias, p.fingerprint,
       nullif(s.location, '') AS call_site, q.requests, q.calls, q.sum_us / 1000.0 AS total_ms,
       q.max_us / 1000.0 AS max_ms, q.n_plus_one, q.duplicates
FROM query_metric q JOIN origin o ON o.id = q.origin_id JOIN endpoint e ON e.id = q.endpoint_id
JOIN query_pattern p ON p.id = q.pattern_id JOIN call_site s ON s.id = q.site_id;
CREATE VIEW v_caches AS
SELECT CASE c.level WHEN 2 THEN 'ten_minutes' WHEN 3 THEN 'hour' ELSE 'day' END AS level,
       strftime('%Y-%m-%dT%H:%M:%SZ', c.period * CASE c.level WHEN 2 THEN 600 WHEN 3 THEN 3600
                ELSE 86400 END, 'unixepoch') AS period_start,
       o.host, o.release, o.source, p.alias, p.prefix, c.requests, c.hits, c.misses, c.writes,
       c.sum_us / 1000.0 AS total_ms
FROM cache_metric c JOIN origin o ON o.id = c.origin_id
JOIN cache_prefix p ON p.id = c.prefix_id;
CREATE VIEW v_system AS
SELECT strftime('%Y-%m-%dT%H:%M:%S', (id >> 20) / 1000, 'unixepoch')
           || printf('.%03dZ', (id >> 20) % 1000) AS at,
       id >> 20 AS at_ms, host, scope, cpu, memory, swap, load1, disk, disk_mount,
       net_in_bps, net_out_bps, disk_read_bps, disk_write_bps, open_files, processes
FROM system_metric;
CREATE VIEW v_errors AS
SELECT strftime('%Y-%m-%dT%H:%M:%S', (l.id >> 20) / 1000, 'unixepoch')
           || printf('.%03dZ', (l.id >> 20) % 1000) AS at,
       l.id >> 20 AS at_ms, g.id AS group_id, g.type, g.location, g.status AS group_status,
       o.host, o.release, o.environment, o.source, e.method, e.route, l.status, l.request_id,
       l.handled, l.message, l.agent, l.user
FROM error_log l JOIN error_group g ON g.id = l.group_id JOIN origin o ON o.id = l.origin_id
LEFT JOIN endpoint e ON e.id = l.endpoint_id;
CREATE VIEW v_alerts AS
SELECT id, rule, subject, host, severity, status, value, threshold, target, peak, unit,
       strftime('%Y-%m-%dT%H:%M:%SZ', opened_ms / 1000, 'unixepoch') AS opened_at,
       strftime('%Y-%m-%dT%H:%M:%SZ', acknowledged_ms / 1000, 'unixepoch') AS acknowledged_at,
       acknowledged_by, note,
       strftime('%Y-%m-%dT%H:%M:%SZ', resolved_ms / 1000, 'unixepoch') AS resolved_at, resolved_by
FROM performance_alert;
CREATE VIEW v_dependencies AS
SELECT s.host, s.target, strftime('%Y-%m-%dT%H:%M:%SZ', s.at_ms / 1000, 'unixepoch') AS scanned_at,
       d.name, d.installed, d.latest, d.update_type, d.status, d.vulnerabilities, d.direct, d.imported
FROM dependency_version d JOIN dependency_scan s ON s.id = d.scan_id
WHERE s.superseded_ms IS NULL;
CREATE VIEW v_predictions AS
SELECT strftime('%Y-%m-%dT%H:%M:%SZ', at_ms / 1000, 'unixepoch') AS at, kind, subject, p50_ms,
       p95_ms, baseline_ms, is_anomaly, score, explanation, model, actual_ms
FROM performance_prediction;
CREATE VIEW v_deploys AS
SELECT strftime('%Y-%m-%dT%H:%M:%S', d.at_ms / 1000, 'unixepoch')
           || printf('.%03dZ', d.at_ms % 1000) AS at,
       d.at_ms, d.state, d.host, d.environment, d.release, d.ref, d.commit_id, d.origin,
       d.target AS python_environment, s.packages
FROM deploy d LEFT JOIN package_set s ON s.id = d.package_set_id;
CREATE VIEW v_frontend AS
SELECT strftime('%Y-%m-%dT%H:%M:%S', (f.id >> 20) / 1000, 'unixepoch')
           || printf('.%03dZ', (f.id >> 20) % 1000) AS at,
       f.id >> 20 AS at_ms, o.host, o.release, o.environment, f.kind, f.name, f.page, f.value,
       f.status, f.success, f.request_id, f.agent, f.user
FROM frontend_metric f JOIN origin o ON o.id = f.origin_id;
DELETE FROM "sqlite_sequence";
COMMIT;
