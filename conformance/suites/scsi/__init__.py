"""SCSI commands of a disk, on any target. A command that a target does not have makes a case unsupported, not failed.

A rule is cited by clause number and title: "SBC-3 5.11, READ (10) command". The numbers are those of SBC-3 revision 36,
SPC-4 revision 37, SAM-5 revision 21, and SPC-2 revision 20 for RESERVE and RELEASE. Where a number is not certain,
that of the clause around it is given, or none.
"""
