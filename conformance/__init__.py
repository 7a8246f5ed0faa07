"""The conformance suites for iSCSI targets, the harness that runs them, and the command line `chiscsi`."""
