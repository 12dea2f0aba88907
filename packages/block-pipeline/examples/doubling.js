// What is done with each slot: its bytes are doubled, in place.
export const begin =
  ({ factor }, isStopped) =>
  ([memory]) => {
    const bytes = new Uint8Array(memory);
    for (let i = 0; i < bytes.length && !isStopped(); i++) bytes[i] *= factor;
  };
