"""Adapters of other programs' interfaces: `lithops.util.joblib` runs joblib's calls. Nothing is imported here."""
