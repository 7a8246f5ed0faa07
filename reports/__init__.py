"""Reports of a conformance run: the records in, readable evidence out.

Nothing here knows iSCSI. What a PDU is called, what its fields mean and where their bits lie all come with
the records of :mod:`reports.model`; this package stores them and draws them.
"""
