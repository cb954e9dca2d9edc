"""From the stick into the workspace: bundles are read, held against the log, decrypted, judged and filed."""
