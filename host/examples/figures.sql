-- Questions to the views that every database has. SQLite and PostgreSQL understand the same words.
--
--     sqlite3 -box votes.db < figures.sql
--     psql postgresql://hymio@db.example/votes < figures.sql
--
-- `presses_v1` has a row for each press in the log, votes or not. A row with count > 1 stands for a flood of presses
-- that were folded into one. `ledger_v1` has a row for each log of a terminal. The views keep their columns, while
-- tables may change.

-- Votes by face and Happy Index (0 to 100) of each terminal, as `hymio report` tells them.
SELECT device_id,
       sum(CASE button WHEN 1 THEN count ELSE 0 END) AS very_unhappy,
       sum(CASE button WHEN 2 THEN count ELSE 0 END) AS unhappy,
       sum(CASE button WHEN 3 THEN count ELSE 0 END) AS happy,
       sum(CASE button WHEN 4 THEN count ELSE 0 END) AS very_happy,
       100.0 * sum((button - 1) * count) / (3 * sum(count)) AS happy_index
FROM presses_v1
WHERE is_vote
GROUP BY device_id
ORDER BY device_id;

-- What did not count, and why: mashing, corrections, hands on several buttons, closed hours.
SELECT device_id, verdict, sum(count) AS presses
FROM presses_v1
WHERE NOT is_vote
GROUP BY device_id, verdict
ORDER BY device_id, verdict;

-- How many presses have no time yet: the terminal's clock has not been set since. A later batch may date them.
SELECT device_id, sum(count) AS undated
FROM presses_v1
WHERE pressed_utc IS NULL
GROUP BY device_id
ORDER BY device_id;

-- Whether every press is accounted for: pressed = rows + lost + waiting, terminal by terminal.
SELECT device_id, sum(pressed) AS pressed, sum("rows") AS "rows", sum(lost) AS lost, sum(waiting) AS waiting
FROM ledger_v1
GROUP BY device_id
ORDER BY device_id;
