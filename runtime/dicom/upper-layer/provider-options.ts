import type { Socket } from 'node:net';
import type { Clock } from '../../../hal/base/clock.js';
import type { Log } from '../../../hal/base/log.js';
import type { AssociateAc, AssociateRj, AssociateRq, DataPiece } from './pdu.js';

/** What the provider tells its user: the indications and confirmations of PS3.8 7. */
export interface Indications {
  associate(request: AssociateRq): void;
  accepted(answer: AssociateAc): void;
  rejected(answer: AssociateRj): void;
  data(piece: DataPiece): void;
  released(): void;
  releaseConfirmed(): void;
  /** The association is over in an unorderly way; `by` says who ended it. */
  aborted(by: 'peer' | 'provider' | 'lost' | 'self', detail: { source: number; reason: number; message: string }): void;
  closed(): void;
}

export interface ProviderOptions {
  socket: Socket;
  role: 'requestor' | 'acceptor';
  clock: Clock;
  log: Log;
  /** ARTIM while a connection has brought nothing yet. */
  artimMs: number;
  /** ARTIM while the peer is to close the connection. */
  closingMs: number;
  maxPduLength: number;
  indications: Indications;
}
