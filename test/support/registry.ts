import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Image, ImageBlob } from './oci-images.ts';

export interface Registry {
  /** What `ctr images pull --plain-http` pulls. */
  readonly name: string;
  readonly close: () => void;
}

/**
 * Serves one image by the registry's API, at any tag.
 *
 * @param stalled a blob of which only the first half is ever sent.
 */
export async function startRegistry(image: Image, stalled?: ImageBlob): Promise<Registry> {
  const server = createServer(({ method, url = '' }, response) => {
    const [, ref] = /^\/v2\/image\/(?:manifests|blobs)\/(.+)$/.exec(url) ?? [];
    const blob = image.blobs.find(({ digest }) => digest === ref) ?? image.target;
    const { digest, mediaType, bytes } = blob;
    response.writeHead(200, {
      'content-type': mediaType,
      'content-length': bytes.length,
      'docker-content-digest': digest,
    });
    if (method === 'HEAD') {
      response.end();
    } else if (blob === stalled) {
      response.write(bytes.subarray(0, bytes.length / 2));
    } else {
      response.end(bytes);
    }
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  return {
    name: `127.0.0.1:${port}/image:1`,
    close() {
      server.close();
      server.closeAllConnections();
    },
  };
}
