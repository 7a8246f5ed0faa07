"""SCSI commands of a disk (SPC-4, SBC-3, SAM-5, and SPC-2 for RESERVE), on any target.

A command that a target does not have makes a case unsupported, not failed.
"""
