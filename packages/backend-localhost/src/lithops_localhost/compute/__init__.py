"""Calls on this machine: a pool of warm worker processes, heard over sockets."""

from lithops_localhost.compute.backend import LocalhostCompute

__all__ = ["LocalhostCompute"]
