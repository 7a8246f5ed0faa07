"""The TCP offload engine: the card's own TCP (RFC 9293), for whatever traffic a script makes up.

Packets and `now` go in; packets, messages to the host and the next timer come out. Nothing here knows iSCSI.
"""
