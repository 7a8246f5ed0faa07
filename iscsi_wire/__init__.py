"""The formats on the wire: what both sides of an iSCSI connection agree on, and nothing that either side decides.

- :mod:`iscsi_wire.pdus`, :mod:`iscsi_wire.scsi`: the structures, generated from :mod:`iscsi_wire.formats`
- :mod:`iscsi_wire.terminator`: what an offloading card and its host share in memory, likewise
- :mod:`iscsi_wire.ahs`, :mod:`iscsi_wire.framing`, :mod:`iscsi_wire.digest`: how a stream is cut into them
- :mod:`iscsi_wire.text`, :mod:`iscsi_wire.keys`: key=value text, and the table of keys
- :mod:`iscsi_wire.constants`, :mod:`iscsi_wire.sequence`: numbers with a meaning
- :mod:`iscsi_wire.scsi_codes`, :mod:`iscsi_wire.scsi_page_codes`, :mod:`iscsi_wire.scsi_parameter_codes`,
  :mod:`iscsi_wire.scsi_copy_codes`: those of SCSI
- :mod:`iscsi_wire.records`: what an observer is told
- :mod:`iscsi_wire.errors`: what can be wrong with received bytes
"""
