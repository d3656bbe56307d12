// SHA-256 (FIPS 180-4) of a file of any size, piece by piece: the browser's own takes
// only what lies in memory whole.
const primes = [];
for (let n = 2; primes.length < 64; n++) if (primes.every((p) => n % p)) primes.push(n);
const fraction = (n) => Math.floor((n % 1) * 2 ** 32) | 0;
const rounds = Int32Array.from(primes, (p) => fraction(Math.cbrt(p)));

const block = 64;
const piece = 1 << 20; // a multiple of a block

const turn = (x, n) => (x >>> n) | (x << (32 - n));

function mix(hash, w, view, at) {
  for (let i = 0; i < 16; i++) w[i] = view.getInt32(at + 4 * i);
  for (let i = 16; i < 64; i++) {
    const a = w[i - 15];
    const b = w[i - 2];
    w[i] = (w[i - 16] + (turn(a, 7) ^ turn(a, 18) ^ (a >>> 3)) + w[i - 7] + (turn(b, 17) ^ turn(b, 19) ^ (b >>> 10))) | 0;
  }
  let a = hash[0], b = hash[1], c = hash[2], d = hash[3], e = hash[4], f = hash[5], g = hash[6], h = hash[7];
  for (let i = 0; i < 64; i++) {
    const one = (h + (turn(e, 6) ^ turn(e, 11) ^ turn(e, 25)) + ((e & f) ^ (~e & g)) + rounds[i] + w[i]) | 0;
    const two = ((turn(a, 2) ^ turn(a, 13) ^ turn(a, 22)) + ((a & b) ^ (a & c) ^ (b & c))) | 0;
    h = g;
    g = f;
    f = e;
    e = (d + one) | 0;
    d = c;
    c = b;
    b = a;
    a = (one + two) | 0;
  }
  hash[0] += a;
  hash[1] += b;
  hash[2] += c;
  hash[3] += d;
  hash[4] += e;
  hash[5] += f;
  hash[6] += g;
  hash[7] += h;
}

/** What follows the last bytes: a 1, zeros, and the length in bits. */
function padded(rest, size) {
  const out = new Uint8Array(Math.ceil((rest.length + 9) / block) * block);
  out.set(rest);
  out[rest.length] = 0x80;
  const view = new DataView(out.buffer);
  view.setUint32(out.length - 8, Math.floor(size / 2 ** 29));
  view.setUint32(out.length - 4, (size * 8) >>> 0);
  return view;
}

/** The digest of a Blob in lower-case hex; told(bytes) hears how far it came, signal ends it. */
export async function sha256(blob, told, signal) {
  const hash = Int32Array.from(primes.slice(0, 8), (p) => fraction(Math.sqrt(p)));
  const w = new Int32Array(64);
  for (let from = 0; ; from += piece) {
    signal.throwIfAborted();
    const bytes = new Uint8Array(await blob.slice(from, from + piece).arrayBuffer());
    const last = from + bytes.length >= blob.size;
    const whole = bytes.length - (bytes.length % block);
    const view = new DataView(bytes.buffer);
    for (let at = 0; at < whole; at += block) mix(hash, w, view, at);
    told(from + bytes.length);
    if (!last) continue;
    const end = padded(bytes.subarray(whole), blob.size);
    for (let at = 0; at < end.byteLength; at += block) mix(hash, w, end, at);
    return Array.from(hash, (v) => (v >>> 0).toString(16).padStart(8, "0")).join("");
  }
}
