"""Presses while the CPU stands still: found by their interrupt, or known by the pulse counters to be missed."""

from logs import RamFlash, app_on


def after_standstill(counts, edges):
    """A standstill of 400 ms in which the pulse counters saw `counts` more closings; then the interrupts of `edges`."""
    app, board = app_on(RamFlash(6))
    board.counts = [7, 7, 7, 7]

    def run_to(end_ms):
        while board.now_ms < end_ms:
            app.step(board.now_ms)
            board.now_ms += 2

    run_to(1000)
    board.now_ms = 1400
    board.counts = [7 + more for more in counts]
    app.stood_still(1000, 1400)
    for button in edges:
        app.edge(1400, button)
    run_to(2000)
    facts = app.facts()
    return sum(facts["pressed"]), facts["stalled_missed"], facts["standstill_ms"]


def test_what_the_hardware_counted_and_nobody_saw_is_missed():
    #     closings      interrupts  pressed, missed
    table = (
        ((0, 0, 0, 0), (), (0, 0)),
        ((0, 3, 0, 0), (2,), (1, 0)),
        ((0, 3, 0, 0), (), (0, 1)),
        ((2, 3, 0, 1), (4,), (1, 2)),
    )
    for counts, edges, expected in table:
        assert after_standstill(counts, edges) == (*expected, 400), (counts, edges)
