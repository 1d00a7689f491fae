"""Proofs, fuzzers, benchmarks and the demo: what is built on the simulator to try the firmware and the host."""
