/** The codec library in a thread of its own. A stream that breaks it breaks this thread, which is then replaced. */

import { createRequire } from 'node:module';
import { parentPort } from 'node:worker_threads';
import type { CodecAnswer, CodecRequest } from './pool.js';

const { Context, NativeCodecs, log } = createRequire(import.meta.url)('dcmjs-codecs') as typeof import('dcmjs-codecs');

log.setLevel('silent');
const ready = NativeCodecs.initializeAsync();

const DECODE = {
  rle: NativeCodecs.decodeRle,
  jpeg: NativeCodecs.decodeJpeg,
  jpeg2000: NativeCodecs.decodeJpeg2000,
};
const ENCODE = { rle: NativeCodecs.encodeRle, jpeg: NativeCodecs.encodeJpeg, jpeg2000: NativeCodecs.encodeJpeg2000 };

parentPort!.on('message', (request: CodecRequest) => {
  void ready.then(() => answer(request)).then((reply) => parentPort!.postMessage(reply));
});

function answer(request: CodecRequest): CodecAnswer {
  try {
    return request.operation === 'decode' ? decode(request) : encode(request);
  } catch (error) {
    return { error: (error as Error).message };
  }
}

function decode({ codec, format, bytes, toRgb }: CodecRequest): CodecAnswer {
  const context = new Context({ ...attributes(format), encodedBuffer: bytes });
  const decoded = DECODE[codec].call(NativeCodecs, context, { convertColorspaceToRgb: toRgb ?? false });
  return {
    bytes: decoded.getDecodedBuffer() ?? new Uint8Array(),
    photometricInterpretation: decoded.getPhotometricInterpretation() ?? '',
  };
}

function encode({ codec, format, bytes, quality }: CodecRequest): CodecAnswer {
  const context = new Context({ ...attributes(format), decodedBuffer: bytes });
  const lossy = quality !== undefined;
  const parameters = { lossy, quality: quality ?? 100, predictor: lossy ? 0 : 1, pointTransform: 0 };
  const encoded = ENCODE[codec].call(NativeCodecs, context, parameters);
  return {
    bytes: encoded.getEncodedBuffer() ?? new Uint8Array(),
    photometricInterpretation: encoded.getPhotometricInterpretation() ?? '',
  };
}

function attributes(format: CodecRequest['format']) {
  return {
    width: format.columns,
    height: format.rows,
    bitsAllocated: format.bitsAllocated,
    bitsStored: format.bitsStored,
    samplesPerPixel: format.samplesPerPixel,
    pixelRepresentation: format.signed ? 1 : 0,
    planarConfiguration: format.planar ? 1 : 0,
    photometricInterpretation: format.photometricInterpretation,
  };
}
