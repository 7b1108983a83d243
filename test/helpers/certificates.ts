import { execFileSync } from 'node:child_process';
import { existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

export interface Identity {
  certificate: string;
  key: string;
  /** SHA-256, as openssl prints it. */
  fingerprint: string;
}

/** An authority of a test's own, with openssl. */
export class Authority {
  /** Its certificate. */
  readonly file: string;
  readonly #key: string;
  readonly #folder: string;

  constructor(folder: string, name = 'authority') {
    this.#folder = folder;
    this.file = join(folder, `${name}.crt`);
    this.#key = join(folder, `${name}.key`);
    const args = ['-newkey', 'rsa:2048', '-nodes', '-days', '30', '-subj', `/CN=${name}`];
    openssl(['req', '-x509', ...args, '-keyout', this.#key, '-out', this.file]);
  }

  /** A certificate for a name and the loopback address. @param days negative for one that has expired */
  issue(name: string, options: { days?: number; names?: string; bits?: number } = {}): Identity {
    const { days = 30, names = 'DNS:localhost,IP:127.0.0.1', bits = 2048 } = options;
    const [key, request, certificate] = ['key', 'csr', 'crt'].map((end) => join(this.#folder, `${name}.${end}`)) as [
      string,
      string,
      string,
    ];
    if (existsSync(certificate)) throw new Error(`${name} has a certificate already`);
    openssl([
      'req',
      '-new',
      '-newkey',
      `rsa:${bits}`,
      '-nodes',
      '-subj',
      `/CN=${name}`,
      '-keyout',
      key,
      '-out',
      request,
    ]);
    const extensions = join(this.#folder, `${name}.ext`);
    writeFileSync(extensions, `subjectAltName=${names}\n`);
    const issuer = ['-CA', this.file, '-CAkey', this.#key, '-CAcreateserial'];
    openssl([
      'x509',
      '-req',
      '-in',
      request,
      ...issuer,
      '-days',
      String(days),
      '-extfile',
      extensions,
      '-out',
      certificate,
    ]);
    return { certificate, key, fingerprint: fingerprintOf(certificate) };
  }

  /** The revocation list with one certificate in it. @returns its file */
  revoke({ certificate }: Identity): string {
    const serial = openssl(['x509', '-in', certificate, '-noout', '-serial']).trim().split('=')[1]!;
    const [index, settings, list] = ['index', 'cnf', 'crl'].map((end) => join(this.#folder, `revoked.${end}`)) as [
      string,
      string,
      string,
    ];
    writeFileSync(index, `R\t301231000000Z\t250101000000Z\t${serial}\tunknown\t/CN=revoked\n`);
    writeFileSync(settings, `[ca]\ndefault_ca=own\n[own]\ndatabase=${index}\ndefault_md=sha256\ndefault_crl_days=30\n`);
    openssl(['ca', '-gencrl', '-config', settings, '-cert', this.file, '-keyfile', this.#key, '-out', list]);
    return list;
  }
}

function fingerprintOf(certificate: string): string {
  return openssl(['x509', '-in', certificate, '-noout', '-fingerprint', '-sha256']).trim().split('=')[1]!;
}

function openssl(args: readonly string[]): string {
  return execFileSync('openssl', args, { stdio: ['ignore', 'pipe', 'ignore'] }).toString();
}
