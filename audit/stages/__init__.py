"""The stages of an audit, and the audit itself."""
