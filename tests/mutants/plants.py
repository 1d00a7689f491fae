"""Bugs of our own, each with the tests that must catch it.

Most are what a hurried engineer might really write: a bound that is off by one, a check that looks superfluous, an
order turned round. The log's own bugs are planted elsewhere, with `logproof`.

**A stale plant.** `old` has to stand exactly once in the file. If somebody has rewritten that place, `make test` says
so (test_mutants.py). Then look at what the new code does there and plant the same mistake in it: change `old` and
`new`, the shortest piece of a line that is unique and unlikely to be touched, and keep the name. If the mistake can't
be made there any more, take the plant out. Then `make mutants ARGS="--only NAME"` has to say that it is caught; if it
survives, the test that knew it went with the old code, and a new one is needed.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Plant:
    """In `file` the text `old` becomes `new`, and one of `tests` (files, or single tests) has to fail."""

    name: str
    file: str
    old: str
    new: str
    tests: tuple[str, ...]


_INGEST = "tests/host/test_ingest.py"
_ANY_DELIVERY = f"{_INGEST}::test_any_delivery_gives_the_same_exact_tables"
_DATES = f"{_INGEST}::test_dates_in_any_order"
_OVERWRITTEN = f"{_INGEST}::test_what_is_overwritten_unsent_is_lost_to_the_press"
_SETTLED_ELSEWHERE = f"{_INGEST}::test_a_terminal_settled_elsewhere_is_not_asked_to_send_for_ever"
_CELLS = "tests/host/test_cells.py"
_PRUNE = "tests/host/test_prune.py"
_TRANSACTION = "tests/host/test_transaction.py"
_PULL = "tests/host/test_pull_marks.py"
_FORMATS = "tests/host/test_formats.py"
_OUTBOX = "tests/firmware/test_net_outbox.py"
_ACK = "tests/firmware/test_net_ack.py"
_UPLINK = "tests/firmware/test_net_uplink.py"
_LOG_RING = "tests/firmware/test_log_ring.py"
_BATCH = "tests/firmware/test_log_batch.py"
_MQTT = "tests/firmware/test_net_mqtt.py"
_BOOKS = "tests/host/test_books.py"
_ORDERS = "tests/simulator/test_remote.py"
_PAGING = "tests/host/test_serve_paging.py"
_ACCESS = "tests/host/test_serve_access.py"
_ACCOUNTS = "tests/pages/test_accounts.py"
_OIDC = "tests/pages/test_oidc.py"
_TERMINALS = "tests/pages/test_terminals.py"
_DELIVERIES = "tests/host/test_deliveries.py"
_CASES = "tests/host/test_cases.py"
_CASE_PAGES = "tests/pages/test_case_pages.py"


def _host(name: str, file: str, old: str, new: str, *tests: str) -> Plant:
    return Plant(name, f"host/hymio/{file}", old, new, tests)


def _board(name: str, file: str, old: str, new: str, *tests: str) -> Plant:
    return Plant(name, f"firmware/terminal/{file}", old, new, tests)


PLANTS = (
    # Five that once survived.
    _board("publishes-under-a-finger", "net_uplink.py", "mqtt.is_free and may_work", "mqtt.is_free", _UPLINK),
    _host(
        "commit-not-flushed",
        "store/database.py",
        "synchronous=FULL",
        "synchronous=NORMAL",
        "tests/host/test_durable.py",
    ),
    _board("boot-number-0", "log_mount.py", "boot % 65535 + 1", "(boot + 1) & 0xFFFF", _LOG_RING),
    _board(
        "settles-what-was-overwritten",
        "log_ring.py",
        "max(self.cursor + 1, self.oldest_seq) <= mark",
        "self.cursor < mark",
        _LOG_RING,
    ),
    _board(
        "last-piece-not-blank-checked", "log_ring.py", "range(0, SECTOR, 512)", "range(0, SECTOR - 512, 512)", _LOG_RING
    ),
    # Ingest: each press once, and every sum with it.
    _host(
        "run-is-one-duplicate",
        "store/log_update.py",
        "outcome.duplicates += record.count if isinstance(record, Run) else 1\n",
        "outcome.duplicates += 1\n",
        f"{_INGEST}::test_a_run_counts_all_its_presses",
    ),
    _host(
        "conflict-overlooked",
        "store/log_update.py",
        "if before is not None and before != record:",
        "if False:",
        f"{_INGEST}::test_the_same_key_with_other_content_is_kept_apart",
    ),
    _host("totals-fall", "store/log_update.py", 'max(row[f"totals_{button}"] or 0, total)', "total", _BOOKS),
    _host(
        "first-revision-wins",
        "store/log_update.py",
        "newest[target] = max(newest.get(target, (-1, 0)), (seq, code))",
        "newest.setdefault(target, (seq, code))",
        f"{_INGEST}::test_the_last_revision_by_seq_wins_in_any_order",
    ),
    _host(
        "hours-replaced-not-added",
        "store/cells.py",
        "= cells.{name} + excluded.{name}",
        "= excluded.{name}",
        _DATES,
        _ANY_DELIVERY,
    ),
    # Roll-ups: where presses belong, and that they go where they belong when a site is corrected.
    _host(
        "days-that-are-hours",
        "store/cells.py",
        "(_DAY, day)",
        "(_DAY, start)",
        _DATES,
        f"{_CELLS}::test_a_press_is_in_the_hour_and_day_of_its_place",
    ),
    _host(
        "taken-out-where-it-never-was",
        "store/corrections.py",
        "((old, -1), (new, 1))",
        "((new, -1), (new, 1))",
        f"{_CELLS}::test_a_correction_touches_what_it_moves_and_reads_no_more",
    ),
    _host(
        "site-known-for-ever",
        "store/places.py",
        '"places", (0, UNPLACED))\n    if version != known_version:',
        '"places", (0, UNPLACED))\n    if not known_version:',
        f"{_CELLS}::test_another_collector_hears_of_a_change",
    ),
    _host(
        "staff-block-changes-afterwards",
        "store/staff.py",
        "if min(faces) >= 0 and sum(faces) >= block:",
        "if sum(faces) >= block:",
        f"{_CELLS}::test_answers_of_staff_come_in_blocks_that_never_change",
    ),
    _host(
        "check-believes-the-cell",
        "store/check.py",
        "expected.pop(key, (0, 0, 0, 0))",
        "expected.pop(key, stored)",
        f"{_CELLS}::test_a_check_finds_whatever_is_wrong",
    ),
    _host(
        "pruned-presses-count-again",
        "store/log_update.py",
        "return isinstance(record, _PRUNED) and self.coverage.touches(seq, seq)",
        "return False",
        f"{_PRUNE}::test_what_comes_again_adds_nothing",
    ),
    _host(
        "gaps-below-what-was-pruned-never-fill",
        "store/log_update.py",
        "return isinstance(record, _PRUNED) and self.coverage.touches(seq, seq)",
        "return isinstance(record, _PRUNED)",
        f"{_PRUNE}::test_what_fills_a_gap_below_is_a_row_with_its_revision",
    ),
    _host(
        "pruned-rows-are-missed-in-a-check",
        "wire/seq_coverage.py",
        "return None if seq < self.pruned_seq else span.presses",
        "return span.presses",
        f"{_PRUNE}::test_what_is_known_to_be_lost_stays_known",
    ),
    _host(
        "prunes-what-is-to-be-dated",
        "store/prune.py",
        "_END if undated is None else undated",
        "_END",
        f"{_PRUNE}::test_rows_that_wait_to_be_dated_wait_to_be_pruned",
    ),
    _host(
        "restores-without-a-look",
        "store/backup.py",
        "if damaged or version is None:",
        "if version is None:",
        "tests/host/test_backup.py::test_a_changed_one_is_not_restored",
    ),
    # Sites: nothing is deleted, what was corrected never was; tokens end.
    _host(
        "correction-without-sums",
        "office/site.py",
        "recompute(connection, before, load_places(connection), time.time())",
        "load_places(connection)",
        "tests/host/test_site_corrections.py::test_a_mistake_that_was_corrected_never_was",
    ),
    _host(
        "version-stays",
        "store/sites.py",
        "    if things:\n",
        "    if not things:\n",
        "tests/host/test_store_sites.py::test_ids_stay_and_nothing_is_deleted",
    ),
    _host(
        "follow-up-asked-for-ever",
        "store/sites.py",
        "values(ended=1)",
        "values(ended=0)",
        "tests/host/test_store_sites.py::test_a_follow_up_that_comes_back_is_the_same_one",
    ),
    _host(
        "stands-in-two-organisations",
        "store/sites.py",
        "< min(_end(ours), _end(theirs))",
        "> min(_end(ours), _end(theirs))",
        "tests/host/test_store_sites.py::test_a_terminal_stands_in_one_organisation",
    ),
    _host(
        "token-good-in-its-last-moment",
        "store/tokens.py",
        "tokens.c.expires_utc > now_utc",
        "tokens.c.expires_utc >= now_utc",
        "tests/host/test_tokens.py::test_a_token_opens_its_scope_until_it_ends",
    ),
    _host(
        "scope-without-what-lies-below",
        "site/model.py",
        "todo += reversed(self.children.get(node.key, []))",
        "todo += []",
        "tests/host/test_tokens.py::test_a_scope_covers_a_place_and_all_below_it",
    ),
    # Coverage: what is settled, lost, open.
    _host(
        "mark-without-cursor",
        "wire/seq_coverage.py",
        "start = max(self.oldest_seq, self.cursor_seq)",
        "start = self.oldest_seq",
        _SETTLED_ELSEWHERE,
    ),
    _host(
        "mark-over-a-gap",
        "wire/seq_coverage.py",
        "self.spans[at].last_seq + 1) if at >= 0 else start",
        "self.spans[-1].last_seq + 1) if self.spans else start",
        _BOOKS,
    ),
    _host(
        "span-shrinks",
        "wire/seq_coverage.py",
        "last_seq=max([last_seq, *(span.last_seq for span in touching)])",
        "last_seq=last_seq",
        f"{_INGEST}::test_a_resend_with_another_cut_extends",
        _ANY_DELIVERY,
    ),
    _host(
        "lost-before-the-first-span",
        "wire/seq_coverage.py",
        "return before + sum(span.lost for span in self.spans)",
        "return sum(span.lost for span in self.spans)",
        _OVERWRITTEN,
        _ANY_DELIVERY,
    ),
    _host(
        "gap-below-the-oldest-stays-open",
        "wire/seq_coverage.py",
        "if settled > 1:",
        "if settled > 2:",
        _OVERWRITTEN,
        _ANY_DELIVERY,
    ),
    # Dating.
    _host(
        "dated-by-another-boot",
        "store/dating.py",
        "marker.offset_ms is not None and marker.boot == boot\n",
        "marker.offset_ms is not None\n",
        _BOOKS,
    ),
    _host(
        "dated-past-a-boot-record",
        "store/dating.py",
        "return Marker(seq, record.boot, None)",
        "return None",
        f"{_INGEST}::test_a_boot_number_that_comes_round_again_is_another_boot",
        _DATES,
    ),
    # The ledger and the quarantine.
    _host(
        "balanced-with-open-gaps",
        "store/views.py",
        " AND open_gaps = 0\n",
        "\n",
        _SETTLED_ELSEWHERE,
        _ANY_DELIVERY,
    ),
    _host("one-balanced-log-is-enough", "office/ledger.py", "balanced = all(", "balanced = any(", _BOOKS),
    _host(
        "quarantine-keeps-a-conflict-again-and-again",
        "store/quarantine.py",
        "source.encode(), identity or payload]",
        "source.encode(), payload]",
        "tests/host/test_limits.py",
    ),
    # Batches and acks, as they are read and written here.
    _host("crc-without-device", "wire/batches.py", "crc32(device_id.encode() + body)", "crc32(body)", _FORMATS),
    _host(
        "answer-read-as-counted",
        "wire/batches.py",
        "verdict = first >> 3 & 0x0F",
        "verdict = first >> 3 & 0x07",
        _FORMATS,
    ),
    _host(
        "base-stands-still",
        "wire/batches.py",
        "                uptime_ms += -(zigzag",
        "                uptime_ms = -(zigzag",
        _FORMATS,
    ),
    _host("more-slots-than-said", "wire/batches.py", "    if at > end:", "    if at > end + 1:", _FORMATS),
    _host(
        "ack-time-always-valid", "wire/acks.py", "_UTC_VALID if ack.utc_ms is not None else 0", "_UTC_VALID", _FORMATS
    ),
    # State messages, and what the collector says.
    _host(
        "state-crc-unchecked",
        "wire/messages.py",
        "if said and crc.strip()",
        "if not said and crc.strip()",
        "tests/host/test_state_message.py",
    ),
    _host(
        "settled-one-short",
        "wire/messages.py",
        "oldest_seq, acked_seq + 1, totals",
        "oldest_seq, acked_seq, totals",
        "tests/host/test_state_message.py",
    ),
    _host(
        "ack-not-said-again",
        "store/transaction.py",
        "told.next_seq > mark or told.cursor_seq < mark",
        "told.next_seq > mark",
        _TRANSACTION,
    ),
    _host(
        "ack-answers-no-batch", "store/transaction.py", "outcome.mark, outcome.nonce)", "outcome.mark, 0)", _TRANSACTION
    ),
    # The cable.
    _host(
        "cable-frees-what-has-not-come",
        "cable/pull.py",
        "min(state.coverage.mark, totals.next_seq)",
        "totals.next_seq",
        _PULL,
    ),
    _host(
        "pull-reads-another-log-on",
        "cable/pull.py",
        "if batch.log_id != status.log_id:",
        "if batch.log_id == 0:",
        _PULL,
    ),
    _host(
        "pull-forgets-all-marks",
        "cable/pull_resume.py",
        "delete(_pulls).where(_pulls.c.device_id == device_id, _pulls.c.log_id == log_id)",
        "delete(_pulls)",
        _PULL,
    ),
    # The uplink of the terminal.
    _board("time-of-any-ack", "net_ack.py", " and answered == nonce", "", _ACK, _OUTBOX),
    _board("time-of-a-retained-ack", "net_ack.py", "is_fresh = not is_retained and ", "is_fresh = ", _ACK, _OUTBOX),
    _board(
        "any-collector-is-believed",
        "net_ack.py",
        " or bytes(payload[20:-4]) != collector_id.encode()",
        "",
        _ACK,
        _OUTBOX,
    ),
    _board("mark-beyond-the-log", "net_ack.py", "if mark > next_seq:", "if mark < 0:", _ACK),
    _board("ack-of-any-version", "net_ack.py", " or payload[0] != 1", "", _ACK),
    _board("resends-ever-as-soon", "net_outbox.py", "min(2 * self._ack_wait_ms, _ACK_MAX_MS)", "_ACK_MS", _OUTBOX),
    _board(
        "goes-on-where-the-connection-broke",
        "net_outbox.py",
        "        self._go_back()\n        self._sending_to = -1",
        "        self._sending_to = -1",
        _OUTBOX,
    ),
    _board(
        "pause-without-an-end",
        "net_uplink.py",
        "min(2 * self._backoff_ms, _BACKOFF_MAX_MS)",
        "2 * self._backoff_ms",
        _UPLINK,
    ),
    _board("refused-login-is-hammered", "net_uplink.py", "_BAD_LOGIN = (4, 5)", "_BAD_LOGIN = (4,)", _UPLINK),
    _board(
        "obeys-retained-orders",
        "net_uplink.py",
        "        elif not is_retained:\n            self.orders",
        "        else:\n            self.orders",
        _UPLINK,
    ),
    _board("packet-id-0", "net_mqtt.py", "self._packet_id % 65535 + 1", "(self._packet_id + 1) & 0xFFFF", _MQTT),
    _board(
        "any-puback-will-do", "net_mqtt.py", "if body[0] << 8 | body[1] == self._awaited:", "if self._awaited:", _MQTT
    ),
    _board("flags-never-fall", "log_batch.py", "if record[8] >> 2 != flags:", "if record[8] >> 2 > flags:", _BATCH),
    _board(
        "totals-without-runs",
        "log_batch.py",
        "if kind == PRESS or kind == RUN:\n                self._totals",
        "if kind == PRESS:\n                self._totals",
        _BATCH,
    ),
    _board(
        "obeys-what-has-expired",
        "net_commands.py",
        "if utc_ms // 1000 >= expires_utc:",
        "if utc_ms // 1000 > expires_utc + 60:",
        f"{_ORDERS}::test_what_has_expired_or_cannot_be_judged_is_refused",
    ),
    _board(
        "obeys-twice",
        "net_commands.py",
        "if known in done or known ==",
        "if known ==",
        f"{_ORDERS}::test_an_id_is_done_once_across_a_reboot_too",
    ),
    # What is served.
    _host(
        "pages-with-what-came-meanwhile",
        "store/time_order.py",
        " AND r.arrival <= :watermark{votes}",
        "{votes}",
        _PAGING,
    ),
    _host(
        "the-last-row-of-a-page-again",
        "serve/feedbacks.py",
        "Bookmark(line.position, number + 1)",
        "Bookmark(line.position, number)",
        f"{_PAGING}::test_a_folded_run_goes_on_over_pages",
    ),
    _host(
        "staff-one-by-one",
        "serve/catalogue.py",
        "if survey is not None and survey.is_staff:",
        "if False:",
        "tests/host/test_serve_v1.py::test_presses_in_the_order_in_which_they_came",
    ),
    _host(
        "a-token-for-a-place-opens-all",
        "serve/catalogue.py",
        "stored, None if scope is None else scope.node_id)",
        "stored, None)",
        _ACCESS,
    ),
    _host(
        "any-name-is-this-computer",
        "common/clients.py",
        "if not _is_loopback_host(host) or headers",
        "if headers",
        f"{_ACCESS}::test_who_is_of_this_computer",
    ),
    _host(
        "cursors-tell-on-others",
        "serve/followed_presses.py",
        "after = ArrivalPosition(at.arrival) if more else newest_position(connection)",
        "after = at",
        "tests/host/test_serve_v1.py::test_a_cursor_names_nothing_of_others",
    ),
    # Who sees what.
    _host(
        "any-form-will-do",
        "pages/gate.py",
        "not _is_same_origin(request) or not await run_in_threadpool(token.is_right, came)",
        "not _is_same_origin(request)",
        _ACCOUNTS,
    ),
    _host(
        "a-form-from-anywhere",
        "pages/gate.py",
        "not _is_same_origin(request) or not await",
        "not await",
        f"{_ACCOUNTS}::test_a_form_is_of_this_browser",
    ),
    _host("a-manager-sees-all", "pages/access.py", "        if None in tops:\n", "        if tops:\n", _ACCOUNTS),
    _host(
        "a-new-password-logs-nobody-out",
        "store/accounts.py",
        "    end_sessions(connection, user.id, but)\n",
        "",
        _ACCOUNTS,
    ),
    _host(
        "passwords-without-end",
        "pages/log_in.py",
        "            limit.book(key, self._now_s())",
        "            pass",
        _ACCOUNTS,
    ),
    _host(
        "whoever-forwards-is-whom-it-says",
        "common/clients.py",
        "if forwarded and _is_loopback(address) else",
        "if forwarded else",
        f"{_ACCOUNTS}::test_behind_a_proxy_everybody_has_an_address_of_their_own",
    ),
    _host("sent-elsewhere", "pages/gate.py", 'and not asked.startswith("//")', "", _ACCOUNTS),
    _host("an-id-token-for-others", "pages/oidc.py", '"aud": {"essential": True, "value"', '"x": {"value"', _OIDC),
    _host("anybody-s-address", "pages/oidc.py", 'if claims.get("email_verified") is True else', "if True else", _OIDC),
    _host(
        "our-secret-signs-for-the-issuer",
        "pages/oidc.py",
        "algorithms=list(_ALGORITHMS), strict",
        'algorithms=[*_ALGORITHMS, "HS256", "none"], strict',
        _OIDC,
    ),
    _host(
        "sessions-come-back-with-a-backup",
        "store/backup.py",
        "            for table, which in _OF_THEN:",
        "            for table, which in ():",
        "tests/host/test_backup.py::test_nobody_is_logged_in_by_a_restored_one",
    ),
    _host(
        "two-lists-of-terminals-are-one",
        "store/fleet.py",
        ", unique=True)  # there may be two of these",
        ")",
        _TERMINALS,
    ),
    _host(
        "terminals-of-others",
        "pages/views/terminals.py",
        "if seen is None or device_id in seen else []",
        "if True else []",
        _TERMINALS,
    ),
    _host(
        "what-the-broker-kept-was-said-now",
        "store/terminal_states.py",
        "None if message.is_retained else",
        "None if False else",
        "tests/host/test_terminal_states.py",
    ),
    # What people see.
    _host(
        "hidden-hours-added-up",
        "figures/hours_of_week.py",
        "if one.verdict == COUNTED and one.time not in hidden:",
        "if one.verdict == COUNTED:",
        "tests/host/test_hours_of_week.py",
    ),
    _host(
        "neighbours-of-a-place-shown",
        "pages/views/places.py",
        'values["rest"] = rest = rest | {"places": None}',
        'values["rest"] = rest = dict(rest)',
        "tests/pages/test_dashboard.py",
    ),
    _host(
        "presses-for-viewers",
        "pages/views/presses.py",
        "    need_to_see_presses(reader)\n",
        "",
        "tests/pages/test_dashboard.py",
    ),
    _host(
        "presses-of-too-few-answers",
        "pages/views/presses.py",
        "if one.point not in shown:",
        "if False:",
        "tests/pages/test_dashboard.py",
    ),
    _host(
        "listens-for-ever",
        "pages/live.py",
        "if not await run_in_threadpool(may_listen):",
        "if False:",
        "tests/pages/test_live_events.py",
    ),
    _host(
        "policy-lets-styles-in",
        "pages/security_headers.py",
        "\"style-src 'self'\"",
        "\"style-src 'self' 'unsafe-inline'\"",
        "tests/pages/test_pages.py",
    ),
    _host(
        "sentence-not-escaped",
        "pages/render.py",
        "Markup(language.say(said, escape))",
        "Markup(language.say(said))",
        "tests/pages/test_pages.py",
    ),
    _host(
        "poster-for-nobody-s-eyes",
        "pages/poster.py",
        "_LEAST_PT: Final = (24.0, 13.5)",
        "_LEAST_PT: Final = (8.0, 6.0)",
        "tests/pages/test_poster.py",
    ),
    _host(
        "survey-that-is-over",
        "office/poster.py",
        "if not is_over(until, now_minute):",
        "if first:",
        "tests/pages/test_poster.py",
    ),
    _host(
        "old-style-kept-for-ever",
        "pages/assets.py",
        '_FOR_EVER if current else "no-cache"',
        "_FOR_EVER",
        "tests/pages/test_pages.py",
    ),
    # Walls and reports by schedule.
    _host(
        "revoked-wall-shows",
        "store/wall_links.py",
        " & wall_links.c.revoked_utc.is_(None)\n    row =",
        "\n    row =",
        "tests/host/test_walls.py",
        "tests/pages/test_wall.py",
    ),
    _host(
        "wall-in-the-log",
        "pages/errors.py",
        'return next((f"{secret}***" for secret in ("/wall/", "/i/") if path.startswith(secret)), path)',
        "return path",
        "tests/pages/test_wall.py",
    ),
    _host(
        "wall-of-all-days",
        "pages/wall.py",
        "whole_days(screen.day.isoformat(), screen.day.isoformat())",
        'whole_days("2026-01-01", screen.day.isoformat())',
        "tests/pages/test_wall.py",
    ),
    _host(
        "two-send-at-once",
        "store/report_schedules.py",
        ".where(as_read & is_free)",
        ".where(as_read)",
        "tests/host/test_schedules.py",
    ),
    _host(
        "sent-by-another-meanwhile",
        "store/report_schedules.py",
        " & (_rows.sent_through == schedule.sent_through)",
        "",
        "tests/host/test_schedules.py",
    ),
    _host(
        "killed-and-never-taken-over",
        "store/report_schedules.py",
        "        _rows.tried_utc <= now_utc - LEASE_S,\n",
        "",
        "tests/host/test_schedules.py",
    ),
    _host(
        "good-bye-decides",
        "office/mail.py",
        "with contextlib.suppress(smtplib.SMTPException, OSError):",
        "if True:",
        "tests/host/test_schedules.py",
    ),
    _host(
        "mail-in-the-clear",
        "office/mail.py",
        "return not self.tls and (self.ca is not None or not is_loopback_name(self.host))",
        "return not self.tls and self.ca is not None",
        "tests/host/test_schedules.py",
    ),
    _host(
        "report-before-the-sleepers-told",
        "measures/report_periods.py",
        "- timedelta(hours=AFTER_H)",
        "",
        "tests/host/test_schedules.py",
    ),
    # The on-screen terminal.
    _host(
        "ack-of-another-log-counts",
        "training/journeys.py",
        'if event["log_id"] == self.log_id:',
        "if True:",
        "tests/host/test_training_ring.py",
    ),
    _host(
        "any-page-opens-the-terminal",
        "training/guests.py",
        ' and whence.lower() == headers.get("host", "").lower()',
        "",
        "tests/host/test_training.py",
    ),
    _host(
        "message-claimed-without-a-lease",
        "store/deliveries.py",
        "values(due_utc=now_utc + lease_s, tries",
        "values(due_utc=now_utc, tries",
        f"{_DELIVERIES}::test_two_senders_and_whatever_happens",
    ),
    _host(
        "late-sender-says-it-failed",
        "store/deliveries.py",
        " & (_rows.tries == delivery.tries) & _rows.due_utc.is_not(None)",
        " & _rows.due_utc.is_not(None)",
        f"{_DELIVERIES}::test_two_senders_and_whatever_happens",
        f"{_DELIVERIES}::test_one_that_is_late_says_nothing",
    ),
    _host(
        "one-public-address-is-enough",
        "common/webhooks.py",
        "len(public) < len(addresses)",
        "not public",
        f"{_DELIVERIES}::test_a_name_that_leads_inside_is_looked_at_once",
    ),
    _host(
        "case-changed-whatever-its-version",
        "store/care_cases.py",
        "(_rows.id == case.id) & (_rows.version == version)",
        "(_rows.id == case.id)",
        f"{_CASES}::test_nobody_overwrites_another",
    ),
    _host(
        "any-token-opens-cases",
        "serve/v1_cases.py",
        "scope is None or not scope.cases",
        "scope is None",
        f"{_CASES}::test_only_a_token_that_was_made_for_it_opens_cases_of_its_places",
    ),
    _host(
        "staff-is-called-back",
        "store/care_cases.py",
        'kind is not None and asked[survey_id].type == "customer"',
        "kind is not None",
        f"{_CASES}::test_who_is_not_called",
    ),
    _host(
        "every-manager-sees-every-case",
        "pages/views/cases.py",
        "case is None or case.node_id not in _places(reader)",
        "case is None",
        f"{_CASE_PAGES}::test_everybody_sees_the_cases_of_their_places",
    ),
    _host(
        "misuse-of-staff-shown",
        "figures/misuse.py",
        "if device_id not in staff}",
        "}",
        "tests/pages/test_misuse.py::test_the_most_mashed_come_first",
    ),
    # Visitors: a form once, nothing without consent, nobody left who was erased.
    _host(
        "a-form-counts-twice",
        "store/visitor_answers.py",
        "form.answer_id(0))).first():",
        "form.answer_id(0) + '!')).first():",
        "tests/host/test_visitor_answers.py",
    ),
    _host(
        "an-address-without-consent",
        "pages/visitor_form.py",
        "    if _number(consent) not in asked.consents:",
        "    if False:",
        "tests/pages/test_visitor.py",
    ),
    _host(
        "reasons-of-the-other-face",
        "pages/visitor_form.py",
        "if question.known_options[option] is mood)",
        "if True)",
        "tests/pages/test_visitor.py::test_a_whole_answer",
    ),
    _host(
        "a-phone-dates-as-it-likes",
        "pages/visitor.py",
        " or now_utc - kept_s < made_utc - MINUTE_S",
        "",
        "tests/pages/test_visitor.py",
    ),
    _host(
        "erased-in-name-alone",
        "store/privacy.py",
        "of.answers, text=None, external=None, person=None)",
        "of.answers, external=None, person=None)",
        "tests/host/test_privacy.py",
    ),
    _host(
        "erased-and-still-in-the-file",
        "store/privacy.py",
        "PRAGMA secure_delete = ON",
        "PRAGMA secure_delete = OFF",
        "tests/host/test_privacy.py::test_nothing_is_left_in_the_file",
    ),
    _host(
        "the-form-in-any-frame",
        "pages/visitor.py",
        "    if is_framed:\n",
        "    if True:\n",
        "tests/pages/test_visitor.py",
    ),
)
