import { execFileSync } from 'node:child_process';

/** Runs a Python script with pydicom: `data` is what it gets, parsed; what it puts into `answer` comes back. */
export function askPydicom<T>(script: string, data: unknown): T {
  const wrapped = [
    'import sys, json, io, pydicom',
    'from pydicom.filereader import read_dataset',
    'data = json.load(sys.stdin)',
    'answer = None',
    script,
    'sys.stdout.write(json.dumps(answer))',
  ].join('\n');
  const output = execFileSync('/usr/bin/python3', ['-W', 'ignore', '-c', wrapped], {
    input: JSON.stringify(data),
    encoding: 'utf8',
    maxBuffer: 1 << 28,
    env: { ...process.env, PYTHONIOENCODING: 'utf-8' },
  });
  return JSON.parse(output) as T;
}
