from __future__ import annotations

from conformance.api import Connection, NopOut, case, expect


@case("login-first-pdu-01", "7143-4.2.4-06")
def test_connection_that_begins_with_nop_out_is_closed(connection: Connection) -> None:
    """> If the first PDU ... is not a Login Request, the target MUST immediately terminate the connection."""
    connection.send(NopOut)
    connection.expect(expect.connection_closed(after=()))
