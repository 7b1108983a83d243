import { spawnSync } from 'node:child_process';

const MARK = 'PETRIG_TEST_NAMESPACE';

/**
 * Runs the calling test file again inside a network namespace that holds only `lo`, so its peers can bind any port and reach nothing else.
 * In the outer process it never returns: it exits with the inner one's code. Call it first, before any suite.
 */
export function enterPrivateNetwork(): void {
  if (process.env[MARK]) return;
  const flags = process.getuid?.() === 0 ? '-n' : '-rn';
  const script = 'ip link set lo up && exec "$@"';
  const inner = spawnSync(
    'unshare',
    [flags, 'sh', '-c', script, 'sh', process.execPath, ...process.execArgv, ...process.argv.slice(1)],
    {
      stdio: 'inherit',
      env: { ...process.env, [MARK]: '1', TCP_NODELAY: '1' },
    },
  );
  if (inner.error) {
    console.error(`cannot make a network namespace: ${inner.error.message}; install util-linux and iproute2`);
    process.exit(1);
  }
  process.exit(inner.status ?? 1);
}
