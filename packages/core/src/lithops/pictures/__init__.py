"""Pictures of jobs: `FunctionExecutor.plot` and `FunctionExecutor.report`. What they show is read in `calls`."""
