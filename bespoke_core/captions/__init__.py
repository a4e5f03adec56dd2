"""What a caption says: parse, audit, clean, write back; a data set's folder and its backups."""
