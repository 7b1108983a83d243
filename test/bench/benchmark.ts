export interface Measurement {
  value: number;
  /** The peer's, in the same unit. */
  peer?: number;
  /** What the value is made of, by name, in the same unit. */
  parts?: Readonly<Record<string, number>>;
}

export interface Benchmark {
  /** As `--only` and docs/benchmarks.md name it. */
  name: string;
  unit: string;
  /** What it is measured beside. */
  peer?: string;
  /** At most so many runs: for what takes minutes. */
  runs?: number;
  /** One measurement, with the peer's in the same breath. */
  run(): Promise<Measurement>;
}
