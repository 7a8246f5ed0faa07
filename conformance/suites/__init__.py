"""The conformance suites: a folder a subject, a function a case. Only `chiscsi conform` collects them."""
