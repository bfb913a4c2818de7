// Links, read and written without the page: to compare the page with, and to make links that it never would.
// The form is told in crates/apic-core/src/link.rs: `v1.` and base64url of a postcard record with its CRC-32C.

/** The link of `{ preset, scenario, position, vcpu }`; a scenario may be as wrong as one likes. */
export function encode({ preset = null, scenario = null, position = null, vcpu = 0 }) {
  const json = scenario && JSON.stringify(scenario);
  const record = Buffer.from([...option(preset, text), ...option(json, text), ...option(position, varint), ...varint(vcpu), 0]);
  return `v1.${Buffer.concat([record, crc32c(record)]).toString('base64url')}`;
}

/** What a fragment holds; a preset's name holds neither scenario nor position. */
export function decode(fragment) {
  const link = fragment.replace(/^#/, '');
  if (!link.startsWith('v1.')) return { preset: link, scenario: null, position: null, vcpu: 0 };
  const bytes = Buffer.from(link.slice(3), 'base64url');
  const record = bytes.subarray(0, -4);
  if (!crc32c(record).equals(bytes.subarray(-4))) throw new Error(`the checksum of ${fragment} is wrong`);
  let at = 0;
  const number = () => {
    for (let value = 0, shift = 0; ; shift += 7) {
      const byte = record[at++];
      value += (byte & 127) * 2 ** shift;
      if (byte < 128) return value;
    }
  };
  const string = () => {
    const end = number() + at;
    const text = record.toString('utf8', at, end);
    at = end;
    return text;
  };
  const maybe = (read) => (record[at++] ? read() : null);
  const [preset, json, position, vcpu] = [maybe(string), maybe(string), maybe(number), number()];
  return { preset, scenario: json && JSON.parse(json), position, vcpu };
}

function option(value, write) {
  return value === null ? [0] : [1, ...write(value)];
}

function text(value) {
  const bytes = Buffer.from(value);
  return [...varint(bytes.length), ...bytes];
}

function varint(value) {
  const bytes = [];
  for (; value > 127; value = Math.floor(value / 128)) bytes.push((value & 127) | 128);
  return [...bytes, value];
}

function crc32c(bytes) {
  let crc = 0xffffffff;
  for (const byte of bytes) {
    crc ^= byte;
    for (let bit = 0; bit < 8; bit++) crc = (crc >>> 1) ^ (crc & 1 ? 0x82f63b78 : 0);
  }
  const end = Buffer.alloc(4);
  end.writeUInt32LE((crc ^ 0xffffffff) >>> 0);
  return end;
}
