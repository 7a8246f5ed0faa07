"""The conformance suites: a folder a subject, a function a case. Only `chiscsi conform` collects them."""

ORDER = (
    "login",
    "negotiation",
    "names",
    "discovery",
    "reinstatement",
    "numbering",
    "data_transfer",
    "residuals",
    "nop",
    "text",
    "task_management",
    "logout",
    "reject",
    "digests",
    "malformed",
    "scsi",
    "driver_api",
    "offload",
    "driver_contract",
)
"""The order in which suites run and are shown: what others build on comes first. Suites not named here follow."""
