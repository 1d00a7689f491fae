-- The tables and views that the build of commit 5613ec6 (schema 2) made on PostgreSQL.
CREATE TABLE hymio_schema (
	version INTEGER NOT NULL
);
CREATE TABLE presses (
	device_id VARCHAR(32) NOT NULL,
	log_id BIGINT NOT NULL,
	seq BIGINT NOT NULL,
	boot INTEGER NOT NULL,
	uptime_ms BIGINT NOT NULL,
	button SMALLINT NOT NULL,
	count INTEGER NOT NULL,
	span_s SMALLINT,
	verdict TEXT NOT NULL,
	stored_verdict TEXT NOT NULL,
	flags SMALLINT,
	quiet_ms INTEGER,
	edges SMALLINT,
	clock TEXT NOT NULL,
	pressed_utc DOUBLE PRECISION,
	via TEXT NOT NULL,
	received_utc DOUBLE PRECISION NOT NULL,
	PRIMARY KEY (device_id, log_id, seq)
);
COMMENT ON COLUMN presses.count IS 'presses in this row: 1, or those folded into a run record';
COMMENT ON COLUMN presses.span_s IS 'run records: seconds from the first to the last press; null: one press';
COMMENT ON COLUMN presses.verdict IS 'in force now';
COMMENT ON COLUMN presses.stored_verdict IS 'as the record itself says';
CREATE TABLE records (
	device_id VARCHAR(32) NOT NULL,
	log_id BIGINT NOT NULL,
	seq BIGINT NOT NULL,
	kind SMALLINT NOT NULL,
	code SMALLINT NOT NULL,
	boot INTEGER,
	uptime_ms BIGINT,
	body BYTEA NOT NULL,
	target_seq BIGINT,
	utc_s BIGINT,
	PRIMARY KEY (device_id, log_id, seq)
);
CREATE INDEX revisions_by_target ON records (device_id, log_id, target_seq, seq, code) WHERE target_seq IS NOT NULL;
CREATE INDEX records_that_date ON records (device_id, log_id, seq, kind, boot, uptime_ms, utc_s, code) WHERE kind IN (4, 5);
COMMENT ON COLUMN records.boot IS 'null: the record has no time of its own (ack)';
COMMENT ON COLUMN records.body IS 'the record''s bytes 0..11, retry bit cleared';
COMMENT ON COLUMN records.target_seq IS 'revise records: the press concerned';
COMMENT ON COLUMN records.utc_s IS 'time records';
CREATE TABLE spans (
	device_id VARCHAR(32) NOT NULL,
	log_id BIGINT NOT NULL,
	first_seq BIGINT NOT NULL,
	last_seq BIGINT NOT NULL,
	totals_before BIGINT NOT NULL,
	check_seq BIGINT NOT NULL,
	totals_check BIGINT NOT NULL,
	presses_check BIGINT NOT NULL,
	presses BIGINT NOT NULL,
	lost BIGINT NOT NULL,
	PRIMARY KEY (device_id, log_id, first_seq)
);
COMMENT ON COLUMN spans.totals_before IS 'lifetime presses before first_seq';
COMMENT ON COLUMN spans.check_seq IS 'newest seq whose totals the terminal told';
COMMENT ON COLUMN spans.totals_check IS 'lifetime presses before check_seq';
COMMENT ON COLUMN spans.presses_check IS 'presses that are rows below check_seq';
COMMENT ON COLUMN spans.presses IS 'presses that are rows in the span';
COMMENT ON COLUMN spans.lost IS 'presses known to be lost in the span';
CREATE TABLE logs (
	device_id VARCHAR(32) NOT NULL,
	log_id BIGINT NOT NULL,
	totals_1 BIGINT,
	totals_2 BIGINT,
	totals_3 BIGINT,
	totals_4 BIGINT,
	totals_seq BIGINT,
	pressed BIGINT,
	told_seq BIGINT,
	told_total BIGINT,
	marker_seq BIGINT,
	marker_boot INTEGER,
	marker_offset_ms BIGINT,
	next_seq BIGINT NOT NULL,
	oldest_seq BIGINT NOT NULL,
	cursor_seq BIGINT NOT NULL,
	duplicates BIGINT NOT NULL,
	conflicts BIGINT NOT NULL,
	first_seen_utc DOUBLE PRECISION NOT NULL,
	last_seen_utc DOUBLE PRECISION NOT NULL,
	presses BIGINT DEFAULT '0' NOT NULL,
	lost BIGINT DEFAULT '0' NOT NULL,
	open_gaps BIGINT DEFAULT '0' NOT NULL,
	pace_seq BIGINT,
	pace_utc DOUBLE PRECISION,
	PRIMARY KEY (device_id, log_id)
);
COMMENT ON COLUMN logs.totals_1 IS 'newest lifetime totals by button';
COMMENT ON COLUMN logs.totals_seq IS 'the seq before which they hold';
COMMENT ON COLUMN logs.pressed IS 'lifetime presses, as far as the terminal told';
COMMENT ON COLUMN logs.told_seq IS 'newest totals told apart from a batch';
COMMENT ON COLUMN logs.marker_seq IS 'the newest boot or time record';
COMMENT ON COLUMN logs.marker_offset_ms IS '1970 milliseconds at uptime 0; null: a boot record';
COMMENT ON COLUMN logs.cursor_seq IS 'what is older the terminal takes for settled';
COMMENT ON COLUMN logs.presses IS 'presses that are rows';
COMMENT ON COLUMN logs.lost IS 'presses known to be lost';
COMMENT ON COLUMN logs.open_gaps IS 'gaps that the terminal still holds';
COMMENT ON COLUMN logs.pace_seq IS 'the next seq when it began to be heard';
COMMENT ON COLUMN logs.pace_utc IS 'when that was';
CREATE TABLE redating (
	device_id VARCHAR(32) NOT NULL,
	log_id BIGINT NOT NULL,
	low_seq BIGINT NOT NULL,
	high_seq BIGINT NOT NULL,
	PRIMARY KEY (device_id, log_id, low_seq)
);
COMMENT ON COLUMN redating.high_seq IS 'presses from low_seq to here are to be dated again';
CREATE TABLE quarantine (
	digest VARCHAR(64) NOT NULL,
	device_id TEXT NOT NULL,
	source TEXT NOT NULL,
	reason TEXT NOT NULL,
	payload BYTEA NOT NULL,
	received_utc DOUBLE PRECISION NOT NULL,
	last_utc DOUBLE PRECISION NOT NULL,
	times BIGINT NOT NULL,
	PRIMARY KEY (digest)
);
CREATE INDEX quarantine_by_device ON quarantine (device_id);
COMMENT ON COLUMN quarantine.digest IS 'SHA-256 of all that says what it is';
COMMENT ON COLUMN quarantine.source IS 'MQTT topic, or the way by which it came';
COMMENT ON COLUMN quarantine.received_utc IS 'first time';
CREATE TABLE quarantine_sums (
	device_id TEXT NOT NULL,
	kept BIGINT NOT NULL,
	kept_bytes BIGINT NOT NULL,
	not_kept BIGINT NOT NULL,
	released BIGINT NOT NULL,
	dropped BIGINT NOT NULL,
	PRIMARY KEY (device_id)
);
COMMENT ON COLUMN quarantine_sums.device_id IS 'empty: messages that name no terminal';
COMMENT ON COLUMN quarantine_sums.kept IS 'rows in quarantine';
COMMENT ON COLUMN quarantine_sums.kept_bytes IS 'their payloads';
COMMENT ON COLUMN quarantine_sums.not_kept IS 'messages for which there was no room';
COMMENT ON COLUMN quarantine_sums.released IS 'messages that were taken in after all';
COMMENT ON COLUMN quarantine_sums.dropped IS 'messages that a person did away with';
CREATE TABLE terminals (
	device_id VARCHAR(32) NOT NULL,
	firmware VARCHAR(64),
	supply_mv INTEGER,
	rssi INTEGER,
	forgotten_utc DOUBLE PRECISION,
	cleared_utc DOUBLE PRECISION,
	PRIMARY KEY (device_id)
);
COMMENT ON COLUMN terminals.firmware IS 'as its newest state messages said; null: not told';
COMMENT ON COLUMN terminals.forgotten_utc IS 'retired: told to nobody any more, until it speaks again';
COMMENT ON COLUMN terminals.cleared_utc IS 'since when the broker keeps nothing of it';
CREATE TABLE hourly (
	device_id VARCHAR(32) NOT NULL,
	hour BIGINT NOT NULL,
	button SMALLINT NOT NULL,
	verdict VARCHAR(16) NOT NULL,
	presses BIGINT NOT NULL,
	PRIMARY KEY (device_id, hour, button, verdict)
);
COMMENT ON COLUMN hourly.hour IS 'hours of 1970; -1: not known';
CREATE VIEW presses_v1 AS 
        SELECT device_id, log_id, seq, boot, uptime_ms, button, verdict, verdict = 'counted' AS is_vote,
               pressed_utc, clock, via, received_utc, count
        FROM presses;
CREATE VIEW ledger_v1 AS 
        SELECT device_id, log_id, pressed, presses AS "rows", lost, coalesce(pressed - presses - lost, 0) AS waiting,
               duplicates, pressed IS NOT NULL AND pressed - presses - lost = 0 AND open_gaps = 0
               AND next_seq - oldest_seq <= 1032192 AS balanced
        FROM logs;
