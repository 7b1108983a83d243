import type { Config } from '../config.js';
import { CHARACTER_SETS } from '../dicom/dataset/charset/elements.js';
import { DEFAULT_TIMEOUTS } from '../dicom/upper-layer/settings.js';
import { TLS_SUITES } from '../dicom/upper-layer/tls.js';
import type { ConformanceSection } from './document.js';

export function implementation(config: Config): ConformanceSection {
  const { aeTitle, aeTitles, dicom } = config;
  const { classUid, versionName } = dicom.implementation;
  return {
    title: 'Implementation and associations',
    paragraphs: [
      'One operation at a time on an association: an asynchronous window that a peer proposes is negotiated down to 1.',
    ],
    tables: [
      {
        title: 'Identification',
        head: ['What', 'Value'],
        rows: [
          ['Implementation Class UID', classUid],
          ['Implementation Version Name', versionName],
          ['AE title of storage, commitment, query and retrieve', aeTitle],
          ['AE title of worklist and performed procedure steps', aeTitles.worklist ?? aeTitle],
          ['AE title of print', aeTitles.print ?? aeTitle],
          ['Port', `${dicom.host}:${dicom.port}`],
        ],
      },
      {
        title: 'Limits',
        head: ['What', 'Value'],
        rows: [
          ['Maximum PDU length taken', `${dicom.maxPduLength} bytes`],
          ['Associations at a time', String(dicom.maxAssociations)],
          ['Associations at a time of one peer', String(dicom.maxAssociationsPerPeer ?? dicom.maxAssociations)],
          ['Largest object', dicom.maxObjectBytes === undefined ? 'no limit' : `${dicom.maxObjectBytes} bytes`],
          ['Free space kept on the disk', `${dicom.reserveBytes} bytes`],
          ['Bytes that wait in memory', `${dicom.maxMemoryBytes} bytes`],
          ['AE titles that no node has', dicom.acceptUnknownPeers ? 'accepted' : 'rejected'],
          ['Application context names other than DICOM’s', dicom.strictApplicationContext ? 'rejected' : 'accepted'],
        ],
      },
    ],
  };
}

export function configuration(config: Config): ConformanceSection {
  const waits = { ...DEFAULT_TIMEOUTS, worklistMs: config.worklistQuery.waitSeconds * 1000, ...config.dicom.timeouts };
  return {
    title: 'Configuration',
    paragraphs: [
      config.dicom.tls
        ? `TLS is spoken on ${config.dicom.tls.port === undefined ? 'the DICOM port' : `port ${config.dicom.tls.port}`}; client certificates are ${config.dicom.tls.clientCertificates}.`
        : 'TLS is not spoken on our own port; nodes may be called over it.',
    ],
    tables: [
      {
        title: 'Nodes',
        head: ['Name', 'AE title', 'Address', 'Services', 'TLS'],
        rows: config.nodes.map(({ name, aeTitle, host, port, services, tls }) => [
          name,
          aeTitle,
          `${host}:${port}`,
          services.join(', '),
          tls ? 'yes' : 'no',
        ]),
      },
      {
        title: 'Waiting times',
        head: ['Name', 'Seconds'],
        rows: Object.entries(waits).map(([name, ms]) => [name.replace(/Ms$/, ''), String(ms / 1000)]),
      },
      { title: 'TLS suites', head: ['Suite', 'Version'], rows: TLS_SUITES.map(({ name, version }) => [name, version]) },
    ],
  };
}

export function characterSets(): ConformanceSection {
  const single = Object.entries(CHARACTER_SETS.elements).map(([number, { name, set, escape: sequence }]) => [
    `ISO_IR ${number}, ISO 2022 IR ${number}`,
    name,
    set,
    `ESC ${sequence.replace(/(..)(?=.)/g, '$1 ')}`,
  ]);
  const alone = Object.entries(CHARACTER_SETS.alone).map(([term, encoding]) => [term, encoding, 'alone', 'none']);
  return {
    title: 'Extended character sets',
    paragraphs: [
      'Text that does not decode under the declared set is read as ISO_IR 100, and what that lacks as `?`; objects that pass through keep their bytes.',
    ],
    tables: [
      {
        title: 'Read and written',
        head: ['Defined terms', 'Character set', 'Invoked into', 'Escape sequence'],
        rows: [...single, ...alone],
      },
    ],
  };
}
