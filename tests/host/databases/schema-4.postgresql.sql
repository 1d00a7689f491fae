-- The tables and views that the build of commit 938b6b5 (schema 4) made on PostgreSQL.
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
	arrival BIGINT DEFAULT '0' NOT NULL,
	PRIMARY KEY (device_id, log_id, seq)
);
CREATE INDEX presses_by_arrival ON presses (arrival, device_id, log_id, seq);
CREATE INDEX presses_by_time ON presses (device_id, pressed_utc);
CREATE INDEX answers_by_time ON presses (device_id, pressed_utc) WHERE verdict = 'answer';
COMMENT ON COLUMN presses.count IS 'presses in this row: 1, or those folded into a run record';
COMMENT ON COLUMN presses.span_s IS 'run records: seconds from the first to the last press; null: one press';
COMMENT ON COLUMN presses.verdict IS 'in force now';
COMMENT ON COLUMN presses.stored_verdict IS 'as the record itself says';
COMMENT ON COLUMN presses.arrival IS 'which transaction brought it';
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
CREATE INDEX records_that_date ON records (device_id, log_id, seq, kind, boot, uptime_ms, utc_s, code) WHERE kind IN (4, 5);
CREATE INDEX revisions_by_target ON records (device_id, log_id, target_seq, seq, code) WHERE target_seq IS NOT NULL;
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
	pruned_seq BIGINT DEFAULT '0' NOT NULL,
	folded BIGINT DEFAULT '0' NOT NULL,
	PRIMARY KEY (device_id, log_id)
)
 WITH (fillfactor = 70);
CREATE INDEX logs_that_wait ON logs (device_id) WHERE pressed - presses - lost <> 0 OR open_gaps <> 0;
CREATE INDEX logs_with_losses ON logs (device_id) WHERE lost > 0;
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
COMMENT ON COLUMN logs.pruned_seq IS 'rows below it were folded';
COMMENT ON COLUMN logs.folded IS 'of presses, those whose rows were pruned';
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
CREATE TABLE terminal_states (
	device_id VARCHAR(32) NOT NULL,
	heard_utc DOUBLE PRECISION,
	said_utc DOUBLE PRECISION,
	state VARCHAR(8),
	problem TEXT,
	unsent BIGINT,
	clock_set SMALLINT,
	supply_mv INTEGER,
	supply_low SMALLINT,
	full_mv INTEGER,
	full_utc DOUBLE PRECISION,
	empty_utc DOUBLE PRECISION,
	rssi INTEGER,
	worst_button SMALLINT,
	edges_a_press DOUBLE PRECISION,
	firmware VARCHAR(64),
	cert_ends_utc DOUBLE PRECISION,
	facts TEXT,
	PRIMARY KEY (device_id)
)
 WITH (fillfactor = 70);
CREATE INDEX terminals_by_unsent ON terminal_states (unsent, device_id);
CREATE INDEX terminals_with_problem ON terminal_states (device_id) WHERE problem IS NOT NULL;
CREATE INDEX terminals_by_heard_utc ON terminal_states (heard_utc, device_id);
CREATE INDEX terminals_by_supply_mv ON terminal_states (supply_mv, device_id);
CREATE INDEX terminals_by_empty_utc ON terminal_states (empty_utc, device_id);
CREATE INDEX terminals_with_clock_unset ON terminal_states (device_id) WHERE clock_set = 0;
CREATE INDEX terminals_by_rssi ON terminal_states (rssi, device_id);
CREATE INDEX terminals_by_edges_a_press ON terminal_states (edges_a_press, device_id);
CREATE INDEX terminals_with_supply_low ON terminal_states (device_id) WHERE supply_low = 1;
CREATE INDEX terminals_by_firmware ON terminal_states (firmware, device_id);
CREATE INDEX terminals_by_cert_ends_utc ON terminal_states (cert_ends_utc, device_id);
COMMENT ON COLUMN terminal_states.heard_utc IS 'when anything came from it last; null: it stands somewhere, and never spoke';
COMMENT ON COLUMN terminal_states.said_utc IS 'when its newest state message came; what follows is from that';
COMMENT ON COLUMN terminal_states.state IS 'online, asleep, offline';
COMMENT ON COLUMN terminal_states.problem IS 'why it does not count, or has no broker, or does not believe a clock';
COMMENT ON COLUMN terminal_states.unsent IS 'presses';
COMMENT ON COLUMN terminal_states.clock_set IS '1: it knows the time';
COMMENT ON COLUMN terminal_states.supply_mv IS 'null: it has no battery';
COMMENT ON COLUMN terminal_states.full_mv IS 'the supply when its battery began to be heard of; it has fallen since';
COMMENT ON COLUMN terminal_states.empty_utc IS 'when the battery will be low, if it goes on as it did; null: not known';
COMMENT ON COLUMN terminal_states.worst_button IS 'whose switch bounces most';
COMMENT ON COLUMN terminal_states.edges_a_press IS 'of that switch; 2 is a clean one';
COMMENT ON COLUMN terminal_states.facts IS 'JSON object: what else the message says, but no presses by button';
CREATE TABLE cells (
	device_id VARCHAR(32) NOT NULL,
	span SMALLINT NOT NULL,
	start_utc_minute BIGINT NOT NULL,
	node_id INTEGER NOT NULL,
	survey_id INTEGER NOT NULL,
	verdict VARCHAR(16) NOT NULL,
	n1 BIGINT NOT NULL,
	n2 BIGINT NOT NULL,
	n3 BIGINT NOT NULL,
	n4 BIGINT NOT NULL,
	folded_1 BIGINT DEFAULT '0' NOT NULL,
	folded_2 BIGINT DEFAULT '0' NOT NULL,
	folded_3 BIGINT DEFAULT '0' NOT NULL,
	folded_4 BIGINT DEFAULT '0' NOT NULL,
	PRIMARY KEY (device_id, span, start_utc_minute, node_id, survey_id, verdict)
)
 WITH (fillfactor = 70);
COMMENT ON COLUMN cells.span IS '0 ever, 1 local day, 2 hour, 3 month';
COMMENT ON COLUMN cells.start_utc_minute IS 'minutes of 1970';
COMMENT ON COLUMN cells.node_id IS 'the experience point; 0: none';
COMMENT ON COLUMN cells.survey_id IS '0: none';
COMMENT ON COLUMN cells.n1 IS 'presses, those folded too';
COMMENT ON COLUMN cells.n2 IS 'presses, those folded too';
COMMENT ON COLUMN cells.n3 IS 'presses, those folded too';
COMMENT ON COLUMN cells.n4 IS 'presses, those folded too';
COMMENT ON COLUMN cells.folded_1 IS 'those without rows';
COMMENT ON COLUMN cells.folded_2 IS 'those without rows';
COMMENT ON COLUMN cells.folded_3 IS 'those without rows';
COMMENT ON COLUMN cells.folded_4 IS 'those without rows';
CREATE TABLE counters (
	name VARCHAR(16) NOT NULL,
	value BIGINT NOT NULL,
	PRIMARY KEY (name)
);
CREATE TABLE organisations (
	id SERIAL NOT NULL,
	key VARCHAR(64) NOT NULL,
	name TEXT NOT NULL,
	locale VARCHAR(16) NOT NULL,
	time_zone VARCHAR(64) NOT NULL,
	good DOUBLE PRECISION NOT NULL,
	excellent DOUBLE PRECISION NOT NULL,
	the_very_best DOUBLE PRECISION NOT NULL,
	too_few_customer INTEGER NOT NULL,
	too_few_staff INTEGER NOT NULL,
	PRIMARY KEY (id),
	UNIQUE (key)
);
COMMENT ON COLUMN organisations.good IS 'Happy Index from which on a place is GOOD; the next two alike';
COMMENT ON COLUMN organisations.too_few_customer IS 'a cell with fewer answers is not shown';
CREATE TABLE staff_open (
	node_id INTEGER NOT NULL,
	survey_id INTEGER NOT NULL,
	n1 INTEGER NOT NULL,
	n2 INTEGER NOT NULL,
	n3 INTEGER NOT NULL,
	n4 INTEGER NOT NULL,
	PRIMARY KEY (node_id, survey_id)
);
COMMENT ON TABLE staff_open IS 'answers of staff that do not fill a block yet';
CREATE TABLE staff_blocks (
	node_id INTEGER NOT NULL,
	survey_id INTEGER NOT NULL,
	number INTEGER NOT NULL,
	full_utc DOUBLE PRECISION NOT NULL,
	n1 INTEGER NOT NULL,
	n2 INTEGER NOT NULL,
	n3 INTEGER NOT NULL,
	n4 INTEGER NOT NULL,
	PRIMARY KEY (node_id, survey_id, number)
);
COMMENT ON COLUMN staff_blocks.number IS 'in order of arrival, 0 first';
COMMENT ON COLUMN staff_blocks.full_utc IS 'when its last answer was taken';
CREATE TABLE audit (
	id SERIAL NOT NULL,
	at_utc DOUBLE PRECISION NOT NULL,
	who TEXT NOT NULL,
	action VARCHAR(32) NOT NULL,
	details TEXT NOT NULL,
	PRIMARY KEY (id)
);
COMMENT ON COLUMN audit.who IS 'the account on the computer, or the token''s name';
COMMENT ON COLUMN audit.action IS 'site.import, token.create, db.prune, ...';
COMMENT ON COLUMN audit.details IS 'JSON object; holds no secret';
CREATE TABLE users (
	id SERIAL NOT NULL,
	name VARCHAR(254) NOT NULL,
	email VARCHAR(254),
	role VARCHAR(8) NOT NULL,
	password TEXT,
	issuer VARCHAR(255),
	subject VARCHAR(255),
	created_utc DOUBLE PRECISION NOT NULL,
	disabled_utc DOUBLE PRECISION,
	last_login_utc DOUBLE PRECISION,
	PRIMARY KEY (id),
	UNIQUE (issuer, subject),
	UNIQUE (name)
);
COMMENT ON COLUMN users.name IS 'as it is typed to log in, in small letters';
COMMENT ON COLUMN users.email IS 'where reports and alerts go; null: nowhere';
COMMENT ON COLUMN users.role IS 'admin, manager or viewer';
COMMENT ON COLUMN users.password IS 'Argon2id; null: logs in elsewhere only';
COMMENT ON COLUMN users.issuer IS 'OpenID Connect: who says who it is; null: nobody but we';
COMMENT ON COLUMN users.subject IS 'who it is there; null: whoever has the e-mail address, the first time';
CREATE TABLE server_keys (
	name VARCHAR(16) NOT NULL,
	secret BYTEA NOT NULL,
	created_utc DOUBLE PRECISION NOT NULL,
	PRIMARY KEY (name)
);
COMMENT ON COLUMN server_keys.name IS 'cookies: signs what browsers keep';
CREATE TABLE nodes (
	id SERIAL NOT NULL,
	organisation_id INTEGER NOT NULL,
	key VARCHAR(64) NOT NULL,
	name TEXT NOT NULL,
	kind VARCHAR(8) NOT NULL,
	parent_id INTEGER,
	time_zone VARCHAR(64),
	hours TEXT,
	level VARCHAR(16),
	custom TEXT NOT NULL,
	until_utc_minute BIGINT,
	PRIMARY KEY (id),
	UNIQUE (organisation_id, key),
	FOREIGN KEY(organisation_id) REFERENCES organisations (id),
	FOREIGN KEY(parent_id) REFERENCES nodes (id)
);
COMMENT ON COLUMN nodes.key IS 'as in the site''s file; stays for ever';
COMMENT ON COLUMN nodes.kind IS 'group or point';
COMMENT ON COLUMN nodes.parent_id IS 'null: right under the organisation';
COMMENT ON COLUMN nodes.time_zone IS 'null: as above it; the next two alike';
COMMENT ON COLUMN nodes.hours IS 'as in the site''s file';
COMMENT ON COLUMN nodes.custom IS 'JSON object: custom data by label';
COMMENT ON COLUMN nodes.until_utc_minute IS 'when it was given up';
CREATE TABLE questions (
	id SERIAL NOT NULL,
	organisation_id INTEGER NOT NULL,
	key VARCHAR(64) NOT NULL,
	texts TEXT NOT NULL,
	PRIMARY KEY (id),
	UNIQUE (organisation_id, key),
	FOREIGN KEY(organisation_id) REFERENCES organisations (id)
);
COMMENT ON COLUMN questions.key IS 'as in the site''s file; stays for ever';
COMMENT ON COLUMN questions.texts IS 'JSON object: text by locale';
CREATE TABLE sessions (
	digest VARCHAR(64) NOT NULL,
	user_id INTEGER NOT NULL,
	created_utc DOUBLE PRECISION NOT NULL,
	expires_utc DOUBLE PRECISION NOT NULL,
	PRIMARY KEY (digest),
	FOREIGN KEY(user_id) REFERENCES users (id)
);
CREATE INDEX sessions_by_end ON sessions (expires_utc);
CREATE INDEX sessions_of_user ON sessions (user_id);
COMMENT ON TABLE sessions IS 'who is logged in; a row that goes logs its browser out';
COMMENT ON COLUMN sessions.digest IS 'SHA-256 of what the cookie holds';
CREATE TABLE surveys (
	id SERIAL NOT NULL,
	organisation_id INTEGER NOT NULL,
	key VARCHAR(64) NOT NULL,
	question_id INTEGER NOT NULL,
	first_day VARCHAR(10) NOT NULL,
	last_day VARCHAR(10),
	type VARCHAR(8) NOT NULL,
	scale VARCHAR(8) NOT NULL,
	PRIMARY KEY (id),
	UNIQUE (organisation_id, key),
	FOREIGN KEY(organisation_id) REFERENCES organisations (id),
	FOREIGN KEY(question_id) REFERENCES questions (id)
);
COMMENT ON COLUMN surveys.key IS 'as in the site''s file; stays for ever';
COMMENT ON COLUMN surveys.first_day IS '2026-03-29, local to each place';
COMMENT ON COLUMN surveys.last_day IS 'null: until further notice';
COMMENT ON COLUMN surveys.type IS 'customer or staff';
COMMENT ON COLUMN surveys.scale IS 'four, five or nps';
CREATE TABLE placements (
	id SERIAL NOT NULL,
	device_id VARCHAR(32) NOT NULL,
	node_id INTEGER NOT NULL,
	from_utc_minute BIGINT NOT NULL,
	until_utc_minute BIGINT,
	asks VARCHAR(8) NOT NULL,
	PRIMARY KEY (id),
	UNIQUE (device_id, from_utc_minute),
	FOREIGN KEY(node_id) REFERENCES nodes (id)
);
COMMENT ON COLUMN placements.until_utc_minute IS 'null: it still stands there; the same as from: withdrawn';
COMMENT ON COLUMN placements.asks IS 'customer or staff';
CREATE TABLE tokens (
	id SERIAL NOT NULL,
	name TEXT NOT NULL,
	digest VARCHAR(64) NOT NULL,
	organisation_id INTEGER NOT NULL,
	node_id INTEGER,
	created_utc DOUBLE PRECISION NOT NULL,
	expires_utc DOUBLE PRECISION,
	revoked_utc DOUBLE PRECISION,
	PRIMARY KEY (id),
	UNIQUE (digest),
	FOREIGN KEY(organisation_id) REFERENCES organisations (id),
	FOREIGN KEY(node_id) REFERENCES nodes (id)
);
COMMENT ON COLUMN tokens.digest IS 'SHA-256 of the token, which nobody keeps';
COMMENT ON COLUMN tokens.node_id IS 'this place and all below it; null: all';
CREATE TABLE user_places (
	id SERIAL NOT NULL,
	user_id INTEGER NOT NULL,
	organisation_id INTEGER NOT NULL,
	node_id INTEGER,
	PRIMARY KEY (id),
	FOREIGN KEY(user_id) REFERENCES users (id),
	FOREIGN KEY(organisation_id) REFERENCES organisations (id),
	FOREIGN KEY(node_id) REFERENCES nodes (id)
);
CREATE INDEX places_of_user ON user_places (user_id);
COMMENT ON TABLE user_places IS 'what a manager or viewer may see; an admin sees everything';
COMMENT ON COLUMN user_places.node_id IS 'this place and all below it; null: all';
CREATE TABLE report_schedules (
	id SERIAL NOT NULL,
	organisation_id INTEGER NOT NULL,
	node_id INTEGER,
	every VARCHAR(8) NOT NULL,
	locale VARCHAR(16) NOT NULL,
	format VARCHAR(8) NOT NULL,
	kind VARCHAR(8) NOT NULL,
	recipient TEXT NOT NULL,
	created_by TEXT NOT NULL,
	created_utc DOUBLE PRECISION NOT NULL,
	ended_utc DOUBLE PRECISION,
	sent_utc DOUBLE PRECISION,
	sent_through VARCHAR(10),
	tried_utc DOUBLE PRECISION,
	trouble TEXT,
	PRIMARY KEY (id),
	FOREIGN KEY(organisation_id) REFERENCES organisations (id),
	FOREIGN KEY(node_id) REFERENCES nodes (id)
);
COMMENT ON COLUMN report_schedules.node_id IS 'this place and all below it; null: all';
COMMENT ON COLUMN report_schedules.every IS 'day, week or month';
COMMENT ON COLUMN report_schedules.format IS 'html or pdf';
COMMENT ON COLUMN report_schedules.kind IS 'email or folder: what the next one is';
COMMENT ON COLUMN report_schedules.sent_utc IS 'when the last one went';
COMMENT ON COLUMN report_schedules.sent_through IS 'the last local day that it told of: 2026-03-29';
COMMENT ON COLUMN report_schedules.tried_utc IS 'when the one that is due now was last begun; null: it was not';
COMMENT ON COLUMN report_schedules.trouble IS 'why that failed; null: it did not, or it goes on';
CREATE TABLE survey_places (
	survey_id INTEGER NOT NULL,
	node_id INTEGER NOT NULL,
	PRIMARY KEY (survey_id, node_id),
	FOREIGN KEY(survey_id) REFERENCES surveys (id),
	FOREIGN KEY(node_id) REFERENCES nodes (id)
);
CREATE TABLE follow_ups (
	id SERIAL NOT NULL,
	survey_id INTEGER NOT NULL,
	positive SMALLINT NOT NULL,
	texts TEXT NOT NULL,
	ended SMALLINT DEFAULT '0' NOT NULL,
	PRIMARY KEY (id),
	UNIQUE (survey_id, positive),
	FOREIGN KEY(survey_id) REFERENCES surveys (id)
);
COMMENT ON COLUMN follow_ups.positive IS '1: asked after a happy vote, 0: after an unhappy one';
COMMENT ON COLUMN follow_ups.texts IS 'JSON object: text by locale';
COMMENT ON COLUMN follow_ups.ended IS '1: not asked any more';
CREATE TABLE answers (
	answer_id VARCHAR(36) NOT NULL,
	node_id INTEGER NOT NULL,
	survey_id INTEGER NOT NULL,
	answered_utc DOUBLE PRECISION NOT NULL,
	received_utc DOUBLE PRECISION NOT NULL,
	via TEXT NOT NULL,
	face SMALLINT,
	score SMALLINT,
	options TEXT,
	locale VARCHAR(16),
	text TEXT,
	verdict VARCHAR(16) NOT NULL,
	arrival BIGINT DEFAULT '0' NOT NULL,
	PRIMARY KEY (answer_id),
	FOREIGN KEY(node_id) REFERENCES nodes (id),
	FOREIGN KEY(survey_id) REFERENCES surveys (id)
);
CREATE INDEX answers_by_place ON answers (node_id, answered_utc, answer_id);
COMMENT ON COLUMN answers.answer_id IS 'made by whoever was asked, so that it counts once';
COMMENT ON COLUMN answers.face IS '1 to 4, or 1 to 5; null: not asked';
COMMENT ON COLUMN answers.score IS '0 to 10; null: not asked';
COMMENT ON COLUMN answers.options IS 'JSON array: ids of follow_up_options';
COMMENT ON COLUMN answers.verdict IS 'counted, or why not: spam';
COMMENT ON COLUMN answers.arrival IS 'which transaction brought it';
CREATE TABLE wall_links (
	id SERIAL NOT NULL,
	digest VARCHAR(64) NOT NULL,
	name TEXT NOT NULL,
	organisation_id INTEGER NOT NULL,
	node_id INTEGER,
	survey_id INTEGER,
	created_by TEXT NOT NULL,
	created_utc DOUBLE PRECISION NOT NULL,
	revoked_utc DOUBLE PRECISION,
	PRIMARY KEY (id),
	UNIQUE (digest),
	FOREIGN KEY(organisation_id) REFERENCES organisations (id),
	FOREIGN KEY(node_id) REFERENCES nodes (id),
	FOREIGN KEY(survey_id) REFERENCES surveys (id)
);
COMMENT ON COLUMN wall_links.digest IS 'SHA-256 of the secret, which nobody keeps';
COMMENT ON COLUMN wall_links.name IS 'which screen it is, as people call it';
COMMENT ON COLUMN wall_links.node_id IS 'this place and all below it; null: all';
COMMENT ON COLUMN wall_links.survey_id IS 'null: whichever runs there';
CREATE TABLE follow_up_options (
	id SERIAL NOT NULL,
	follow_up_id INTEGER NOT NULL,
	key VARCHAR(64) NOT NULL,
	position SMALLINT,
	texts TEXT NOT NULL,
	PRIMARY KEY (id),
	UNIQUE (follow_up_id, key),
	FOREIGN KEY(follow_up_id) REFERENCES follow_ups (id)
);
COMMENT ON COLUMN follow_up_options.position IS '1 first; null: not asked any more';
COMMENT ON COLUMN follow_up_options.texts IS 'JSON object: text by locale';
ALTER TABLE presses RENAME TO presses_first;
ALTER TABLE presses_first DROP CONSTRAINT presses_pkey;
CREATE TABLE presses (LIKE presses_first INCLUDING DEFAULTS INCLUDING COMMENTS) PARTITION BY RANGE (received_utc);
ALTER TABLE presses ADD PRIMARY KEY (device_id, log_id, seq, received_utc);
CREATE TABLE presses_default PARTITION OF presses DEFAULT;
DROP TABLE presses_first;
CREATE TABLE presses_2026_11 (LIKE presses INCLUDING DEFAULTS INCLUDING COMMENTS);
ALTER TABLE presses ATTACH PARTITION presses_2026_11 FOR VALUES FROM (1793491200) TO (1796083200);
CREATE TABLE presses_2026_12 (LIKE presses INCLUDING DEFAULTS INCLUDING COMMENTS);
ALTER TABLE presses ATTACH PARTITION presses_2026_12 FOR VALUES FROM (1796083200) TO (1798761600);
CREATE TABLE presses_2027_01 (LIKE presses INCLUDING DEFAULTS INCLUDING COMMENTS);
ALTER TABLE presses ATTACH PARTITION presses_2027_01 FOR VALUES FROM (1798761600) TO (1801440000);
CREATE INDEX presses_by_arrival ON presses (arrival, device_id, log_id, seq);
CREATE INDEX presses_by_time ON presses (device_id, pressed_utc);
CREATE INDEX answers_by_time ON presses (device_id, pressed_utc) WHERE verdict = 'answer';
CREATE VIEW presses_v1 AS
        SELECT device_id, log_id, seq, boot, uptime_ms, button, verdict, verdict = 'counted' AS is_vote,
               pressed_utc, clock, via, received_utc, count
        FROM presses;
CREATE VIEW ledger_v1 AS
        SELECT device_id, log_id, pressed, presses AS "rows", lost, coalesce(pressed - presses - lost, 0) AS waiting,
               duplicates, pressed IS NOT NULL AND pressed - presses - lost = 0 AND open_gaps = 0
               AND next_seq - oldest_seq <= 1032192 AS balanced, folded
        FROM logs;
CREATE TABLE alembic_version (
	version_num VARCHAR(32) NOT NULL,
	CONSTRAINT alembic_version_pkc PRIMARY KEY (version_num)
);
