import type { X509Certificate } from 'node:crypto';
import { lookup } from 'node:dns/promises';
import { BlockList, isIP } from 'node:net';
import type { Clock } from '../../../hal/base/clock.js';
import { within } from '../../../hal/base/deadline.js';
import type { ServiceName } from '../service-names.js';
import type { RejectionName } from '../upper-layer/rejection.js';
import { hasFingerprint, namesOf, type TlsExpectation } from '../upper-layer/tls.js';

/** Who asks for an association. */
export interface Caller {
  callingAe: string;
  /** Where its socket comes from. */
  address: string;
  /** The connection is TLS. */
  secure: boolean;
  /** What it showed, verified already. */
  certificate?: X509Certificate;
}

export type AccessDecision =
  | {
      kind: 'admitted';
      /** What limits and logs call it. */
      peer: string;
      /** Name of the configured node that it is. */
      node?: string;
      /** What it may ask for; anything when absent. */
      services?: ReadonlySet<ServiceName>;
    }
  | { kind: 'refused'; rejection: RejectionName; why: string };

/** Decides who may open an association with us. */
export interface AccessPolicy {
  check(caller: Caller): AccessDecision | Promise<AccessDecision>;
}

/** Anyone may come and ask for anything. */
export const OPEN_ACCESS: AccessPolicy = { check: ({ address }) => ({ kind: 'admitted', peer: address }) };

/** What a configured node must show. */
export interface AdmittedNode {
  name: string;
  aeTitle: string;
  /** Where it is called: tells nodes of one title apart. */
  host?: string;
  /** Addresses, CIDR blocks and host names that it comes from; any when empty. */
  from: readonly string[];
  services: readonly ServiceName[];
  /** It comes over TLS only, with such a certificate. */
  tls?: TlsExpectation;
}

export interface NodeAccessOptions {
  nodes: readonly AdmittedNode[];
  /** Titles that no node has are let in, for any service. */
  acceptUnknown: boolean;
  clock: Clock;
  /** Addresses of a host name; the system's resolver when absent. */
  resolve?: (host: string) => Promise<readonly string[]>;
}

const LOOKUP_MS = 5000;
/** How long the addresses of a name are believed. */
const KEEP_MS = 60_000;

/** Lets in the configured nodes, each as it is configured. */
export class NodeAccess implements AccessPolicy {
  readonly #options: NodeAccessOptions;
  readonly #blocks = new Map<string, BlockList>();
  readonly #resolved = new Map<string, { at: number; addresses: readonly string[] }>();

  constructor(options: NodeAccessOptions) {
    this.#options = options;
    for (const place of options.nodes.flatMap(({ from, host }) => (host === undefined ? from : [...from, host]))) {
      const block = blockOf(place);
      if (block) this.#blocks.set(place, block);
    }
  }

  async check(caller: Caller): Promise<AccessDecision> {
    const { nodes, acceptUnknown } = this.#options;
    const named = nodes.filter(({ aeTitle }) => aeTitle.trim() === caller.callingAe);
    if (named.length === 0) {
      if (acceptUnknown) return { kind: 'admitted', peer: caller.address };
      return { kind: 'refused', rejection: 'callingAe', why: `no node has the AE title ${caller.callingAe}` };
    }
    const problems = await Promise.all(named.map((node) => this.#problem(node, caller)));
    const admitted = named.filter((_, i) => problems[i] === undefined);
    if (admitted.length === 0) return { kind: 'refused', rejection: 'callingAe', why: problems.join('; ') };
    const services = new Set<ServiceName>(['verification', ...admitted.flatMap((node) => node.services)]);
    const { name } = await this.#nearest(admitted, caller.address);
    return { kind: 'admitted', peer: name, node: name, services };
  }

  /** Of nodes with the same title, the one that is at the caller's address; the first when none is. */
  async #nearest(nodes: readonly AdmittedNode[], address: string): Promise<AdmittedNode> {
    const [first] = nodes;
    if (nodes.length === 1) return first!;
    const isThere = async ({ from, host }: AdmittedNode) =>
      from.length > 0 || (host !== undefined && (await this.#isAt(host, address)));
    const there = await Promise.all(nodes.map(isThere));
    return nodes.find((_, i) => there[i]) ?? first!;
  }

  async #problem(node: AdmittedNode, caller: Caller): Promise<string | undefined> {
    const { name, from, tls } = node;
    if (tls) {
      if (!caller.secure) return `${name} must come over TLS`;
      const wrong = certificateProblem(name, tls, caller.certificate);
      if (wrong) return wrong;
    }
    if (from.length === 0) return undefined;
    const places = await Promise.all(from.map((place) => this.#isAt(place, caller.address)));
    return places.includes(true) ? undefined : `${name} comes from ${from.join(', ')}, not from ${caller.address}`;
  }

  async #isAt(place: string, address: string): Promise<boolean> {
    const plain = plainAddress(address);
    const block = this.#blocks.get(place);
    if (block) return block.check(plain, isIP(plain) === 6 ? 'ipv6' : 'ipv4');
    return (await this.#addressesOf(place)).map(plainAddress).includes(plain);
  }

  async #addressesOf(host: string): Promise<readonly string[]> {
    const { resolve = systemResolve, clock } = this.#options;
    const now = clock.wall.now();
    const known = this.#resolved.get(host);
    if (known && now - known.at < KEEP_MS) return known.addresses;
    try {
      const addresses = await within(resolve(host), { clock: clock.wall, ms: LOOKUP_MS });
      this.#resolved.set(host, { at: now, addresses });
      return addresses;
    } catch {
      return known?.addresses ?? []; // a name server that is away must not lock a node out that was here a minute ago
    }
  }
}

/** True for an address, an address block in CIDR notation, or a host name. */
export function isPlace(text: string): boolean {
  return blockOf(text) !== undefined || (!/[\s/]/.test(text) && text.length > 0);
}

function certificateProblem(name: string, expected: TlsExpectation, certificate?: X509Certificate): string | undefined {
  const { fingerprints = [], peerName } = expected;
  if (fingerprints.length === 0 && typeof peerName !== 'string') return undefined;
  if (!certificate) return `${name} must show its certificate`;
  if (fingerprints.length > 0 && !hasFingerprint(certificate, fingerprints)) {
    return `the certificate ${certificate.fingerprint256} is not that of ${name}`;
  }
  const names = namesOf(certificate);
  if (typeof peerName !== 'string' || names.some((one) => one.toLowerCase() === peerName.toLowerCase()))
    return undefined;
  return `the certificate of ${name} is for ${names.join(', ') || 'no name'}, not ${peerName}`;
}

function blockOf(place: string): BlockList | undefined {
  const [address = '', bits] = place.split('/');
  const version = isIP(address);
  if (version === 0) return undefined;
  const family = version === 6 ? 'ipv6' : 'ipv4';
  const width = version === 6 ? 128 : 32;
  if (bits !== undefined && !(/^\d{1,3}$/.test(bits) && Number(bits) <= width)) return undefined;
  const block = new BlockList();
  block.addSubnet(address, Number(bits ?? width), family);
  return block;
}

/** An IPv4 address that a socket for both families shows as IPv6, as what it is. */
function plainAddress(address: string): string {
  return address.replace(/^::ffff:(?=\d+\.)/i, '');
}

async function systemResolve(host: string): Promise<readonly string[]> {
  return (await lookup(host, { all: true })).map(({ address }) => address);
}
