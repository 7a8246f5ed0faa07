"""The SCSI device server: commands by table, sense, VPD and mode pages, unit attentions (SAM-5, SPC-4, SBC-3).

It knows nothing of iSCSI. To the core it is a LUN class like any other; below it are the LUN classes of the logical
units, which execute the commands that touch the medium.
"""
