"""The stages of an audit, one file each, and the audit itself.

A stage takes the plan, what it works on, and the engine; it makes tasks, has them run, and answers records.
"""
