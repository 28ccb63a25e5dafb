"""What every room stands on: errors, records' base, files, progress, random generators."""
