"""Configuration: key=value buffers into descriptions of targets. Errors name the key."""
