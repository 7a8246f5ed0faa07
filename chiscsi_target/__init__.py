"""The iSCSI target: Target Module, storage-driver API, SCSI device server, shells."""
