// The programs that the tests talk to. Installed where that can be done without asking (root on Debian), named otherwise.
import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync, readdirSync } from 'node:fs';

/** Program that must be there -> Debian package that brings it. */
const TOOLS = {
  storescp: 'dcmtk',
  dciodvfy: 'dicom3tools',
  Orthanc: 'orthanc',
  dcm2niix: 'dcm2niix',
  plastimatch: 'plastimatch',
  gdcmdump: 'libgdcm-tools',
  xorriso: 'xorriso',
  genisoimage: 'genisoimage',
  socat: 'socat',
  ip: 'iproute2',
  unshare: 'util-linux',
  openssl: 'openssl',
};

const PYDICOM = 'python3-pydicom';
/** Debian keeps the server's programs out of the path, a folder a version. */
const POSTGRES = '/usr/lib/postgresql';

function missing() {
  const folders = `${process.env.PATH}:/usr/sbin:/sbin`.split(':');
  const packages = Object.entries(TOOLS)
    .filter(([program]) => !folders.some((folder) => existsSync(`${folder}/${program}`)))
    .map(([, name]) => name);
  if (spawnSync('/usr/bin/python3', ['-c', 'import pydicom']).status !== 0) packages.push(PYDICOM);
  const servers = existsSync(POSTGRES) ? readdirSync(POSTGRES) : [];
  if (!servers.some((version) => existsSync(`${POSTGRES}/${version}/bin/initdb`))) packages.push('postgresql');
  return [...new Set(packages)];
}

function install(packages) {
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' };
  const run = (...args) => execFileSync('apt-get', args, { stdio: ['ignore', 'ignore', 'inherit'], env });
  run('-qq', 'update');
  run('-qq', 'install', '-y', '--no-install-recommends', ...packages);
}

let wanted = missing();
if (wanted.length > 0 && process.getuid?.() === 0 && existsSync('/etc/debian_version')) {
  console.log(`installing what the tests talk to: ${wanted.join(' ')}`);
  install(wanted);
  wanted = missing();
}
if (wanted.length > 0) {
  console.error(`The tests talk to real programs that are not here. On Debian: apt-get install ${wanted.join(' ')}`);
  process.exit(1);
}
