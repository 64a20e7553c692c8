"""One file per scenario: its docstring says what it proves, `run(bench)` returns the result."""
