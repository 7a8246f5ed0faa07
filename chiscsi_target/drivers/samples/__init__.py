"""Two complete storage drivers to learn from and to copy: `single_phase` and `multi_phase` (behaviour file, 9).

They import `chiscsi_target.api` and one another only.
"""
