"""What turns cases into verdicts: choosing, arranging, recording, judging. Not a public API; see `conformance.api`."""
