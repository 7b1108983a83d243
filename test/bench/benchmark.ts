export interface Benchmark {
  /** As `--only` and docs/benchmarks.md name it. */
  name: string;
  unit: string;
  /** What it is measured beside. */
  peer?: string;
  /** One measurement, with the peer's in the same breath. */
  run(): Promise<{ value: number; peer?: number }>;
}
