"""Shells: what brings octets to the core and takes them away. Nothing here knows iSCSI."""
