"""What every part of the host uses: errors for people, output, addresses, durations, words, files."""
