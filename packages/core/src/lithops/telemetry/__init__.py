"""Traces and metrics of jobs and calls, by OpenTelemetry. Imported only where `telemetry: true` asks for it.

JobEvent, CallEvent, JobEndEvent --> observing --> spans, metrics --> the application's providers, or own: exporting
"""
