import type { X509Certificate } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { isIP } from 'node:net';
import { createSecureContext, type SecureContextOptions, type TLSSocket } from 'node:tls';
import { ScannerError } from '../../../hal/base/errors.js';
import { readTable } from '../../../hal/base/table.js';

/** Files of a TLS end, all PEM. They are read when they are used, so renewed ones count from the next connection on. */
export interface TlsFiles {
  /** Authorities trusted; no others are. */
  ca?: readonly string[];
  /** Our own certificate, with its intermediate ones, and its private key. */
  certificate?: string;
  key?: string;
  /** Revocation lists of all authorities. */
  crl?: readonly string[];
}

/** What is asked of a peer's certificate beyond a chain to a trusted authority. */
export interface TlsExpectation {
  /** SHA-256 fingerprints of the certificates that the peer may show, hexadecimal. Without `ca` they alone decide. */
  fingerprints?: readonly string[];
  /** Name that the certificate must bear, the peer's host when absent; false asks for none. */
  peerName?: string | false;
}

/** DICOM TLS with one node: PS3.15 B.10. */
export interface TlsSettings extends TlsFiles, TlsExpectation {}

interface TlsTable {
  minVersion: 'TLSv1.2';
  suites: readonly { name: string; version: string }[];
  /** Verification failures that a pinned fingerprint heals. */
  untrusted: readonly string[];
  /** What is wrong, by OpenSSL's code. */
  reasons: Readonly<Record<string, string>>;
}

const TABLE: TlsTable = readTable(import.meta.url, '../tables/tls.json');
/** Cipher suites of the profile, best first. */
export const TLS_SUITES = TABLE.suites;
/** SSL_OP_NO_RENEGOTIATION of OpenSSL, which node:crypto does not name. */
const NO_RENEGOTIATION = 0x40000000;

/** Versions and suites of the profile. Security level 2 of OpenSSL refuses keys below 112 bits of strength and SHA-1 signatures. */
export const TLS_PROFILE: SecureContextOptions = {
  minVersion: TABLE.minVersion,
  ciphers: `${TABLE.suites.map(({ name }) => name).join(':')}:@SECLEVEL=2`,
  honorCipherOrder: true,
  secureOptions: NO_RENEGOTIATION,
};

/** Reads the files of one end. @throws ScannerError config.invalid naming the file */
export async function secureOptions(files: TlsFiles): Promise<SecureContextOptions> {
  const { certificate, key } = files;
  if ((certificate === undefined) !== (key === undefined)) {
    throw badFile(certificate ?? key ?? '', 'a certificate and its key belong together', 'both');
  }
  const options: SecureContextOptions = {
    ...TLS_PROFILE,
    ca: await Promise.all((files.ca ?? []).map((path) => pem(path, 'CERTIFICATE'))),
    ...(files.crl ? { crl: await Promise.all(files.crl.map((path) => pem(path, 'X509 CRL'))) } : {}),
    ...(certificate && key ? { cert: await pem(certificate, 'CERTIFICATE'), key: await pem(key, 'PRIVATE KEY') } : {}),
  };
  try {
    createSecureContext(options);
  } catch (cause) {
    throw badFile(certificate ?? files.ca?.[0] ?? '', (cause as Error).message, 'PEM files that fit together', cause);
  }
  return options;
}

/** Why the peer of a finished handshake is not who it must be; undefined when it is. */
export function peerProblem(
  socket: TLSSocket,
  files: TlsFiles,
  expected: TlsExpectation & { host?: string },
  now: number,
): string | undefined {
  const certificate = socket.getPeerX509Certificate();
  if (!certificate) return TABLE.reasons.ERR_SSL_PEER_DID_NOT_RETURN_A_CERTIFICATE;
  const { fingerprints = [], peerName } = expected;
  if (fingerprints.length > 0 && !hasFingerprint(certificate, fingerprints)) {
    return `its certificate has the fingerprint ${certificate.fingerprint256}, which is not one expected`;
  }
  const code = String(socket.authorizationError ?? '');
  const pinned = fingerprints.length > 0 && (files.ca ?? []).length === 0 && TABLE.untrusted.includes(code);
  if (code && !pinned) return reasonOf(code);
  if (now > Date.parse(certificate.validTo)) return TABLE.reasons.CERT_HAS_EXPIRED;
  if (now < Date.parse(certificate.validFrom)) return TABLE.reasons.CERT_NOT_YET_VALID;
  const name = peerName === false ? undefined : (peerName ?? expected.host);
  if (name === undefined || pinned) return undefined;
  if (isIP(name) ? certificate.checkIP(name) : certificate.checkHost(name)) return undefined;
  return `its certificate is for ${namesOf(certificate).join(', ') || 'no name'}, not ${name}`;
}

/** What a failed handshake means. */
export function handshakeProblem(error: Error & { code?: string; reason?: string }): string {
  return reasonOf(error.code ?? '', error.reason ?? error.message);
}

export function hasFingerprint(certificate: X509Certificate, fingerprints: readonly string[]): boolean {
  const plain = (text: string) => text.replaceAll(':', '').toUpperCase();
  return fingerprints.some((candidate) => plain(candidate) === plain(certificate.fingerprint256));
}

/** Names that a certificate bears: its alternative names, else the common name of its subject. */
export function namesOf(certificate: X509Certificate): string[] {
  const alternative = [...(certificate.subjectAltName ?? '').matchAll(/(?:DNS|IP Address):([^,"]+)/g)];
  const names = alternative.map(([, name]) => name!);
  const common = /^CN=(.+)$/m.exec(certificate.subject)?.[1];
  return common === undefined || names.includes(common) ? names : [...names, common];
}

/** What tls.connect wants besides files and address. Names are checked by `peerProblem`, which can say what was wrong. */
export function clientOptions(host: string): {
  servername: string;
  rejectUnauthorized: false;
  checkServerIdentity: () => undefined;
} {
  return { servername: isIP(host) ? '' : host, rejectUnauthorized: false, checkServerIdentity: () => undefined };
}

function reasonOf(code: string, otherwise = code): string {
  return TABLE.reasons[code] ?? otherwise;
}

async function pem(path: string, kind: string): Promise<string> {
  let text: string;
  try {
    text = await readFile(path, 'utf8');
  } catch (cause) {
    throw badFile(path, (cause as Error).message, `a readable PEM file with a ${kind}`, cause);
  }
  if (!text.includes(`${kind}-----`)) throw badFile(path, `no ${kind} in it`, `a PEM file with a ${kind}`);
  return text;
}

function badFile(path: string, message: string, expected: string, cause?: unknown): ScannerError {
  return new ScannerError('config.invalid', { where: `TLS file ${path}`, message, expected }, cause);
}
