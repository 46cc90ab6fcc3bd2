"""Answer questions about speed and size with numbers that can be taken again: one file per question.

Between: `./audifi bench QUESTION` (runs `python -m benchmarks.QUESTION`) and results/benchmarks/QUESTION.json.
Shape: http_path, kernel_overhead, up are questions; harness is how they measure; peers are what they compare with;
load holds wrk's scripts.
Invariant: two candidates are measured in the same run, turn by turn, and compared pair by pair: this machine is noisy
and shared, so only ratios of neighbours mean something.
Source: style.md "CI" (benchmarks fail only beyond a stated noise band); architecture.md section 7 (budgets).
"""
