// The worker of examples/basic.js: each byte of a slot is doubled, in place.
import { serveSlots } from '@ocirender/block-pipeline';

serveSlots(({ factor }, isStopped) => ([memory]) => {
  const bytes = new Uint8Array(memory);
  for (let i = 0; i < bytes.length && !isStopped(); i++) bytes[i] *= factor;
});
