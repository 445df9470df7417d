"""What stores of several vendors share: bodies in parts, streams of answers, errors of HTTP, the verbs of S3. No SDK."""
