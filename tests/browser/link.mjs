// Links made without the page: also such as it would never make. The form is told in crates/apic-core/src/link.rs: `v1.`
// and base64url of a postcard record with its CRC-32C. As a link decodes for ever, this form of it stays.

const number = (value) => (value < 128 ? [value] : [(value % 128) | 128, ...number(Math.floor(value / 128))]);
const byte = (value) => [value];
const list = (write) => (values) => [...number(values.length), ...values.flatMap(write)];
const bytes = (value) => list(byte)([...value]);
const text = (value) => bytes(Buffer.from(value));
const maybe = (write) => (value) => (value === null ? [0] : [1, ...write(value)]);
const oneOf = (...names) => (value) => number(names.indexOf(value));
const yes = (value) => [Number(value)];
const record = (fields) => (value) => Object.entries(fields).flatMap(([key, write]) => write(value[key]));

const SCENARIO = record({
  meta: record({ title: text, question: text, summary: text, sources: list(text), opens_at: maybe(text) }),
  host: record({
    topology: record({ sockets: number, llcs: number, cores: number, smt: number }),
    nohz_full: list(number),
    hz: number,
    tsc_khz: number,
    housekeepers: list(record({ cpu: number, load: oneOf('idle', 'busy'), tick_phase_us: number })),
  }),
  vm: record({
    era: oneOf('seed-2019', '6.19'),
    apicv: yes,
    pi_inject_timer: oneOf('auto', 'on', 'off'),
    hlt_in_guest: yes,
    mwait_in_guest: yes,
    preemption_timer: yes,
    lapic_timer_advance: yes,
  }),
  vcpus: list(record({ cpu: number, start_us: number })),
  guest: record({
    timer: oneOf('tsc-deadline'),
    vector: byte,
    period_us: number,
    handler_ns: number,
    idle: oneOf('busy', 'hlt'),
    other_exits: maybe(record({ period_us: number, first_us: number, handling_ns: number })),
    arms: list(record({ at_ns: number, deadline_ns: number })),
  }),
  run: record({ expiries: number, seed: number, paths: list(oneOf('pinned', 'posted')) }),
  costs: record({ set: text }),
});

const LINK = record({ preset: maybe(text), scenario: maybe((value) => bytes(SCENARIO(value))), position: maybe(number), vcpu: number, picks: list(byte) });

/** One vCPU on core 3 of 4, a busy housekeeper, 1 ms: the first preset under a name of its own. */
const PLAIN = {
  meta: { title: 'Ours', question: 'Does it run?', summary: '', sources: [], opens_at: null },
  host: {
    topology: { sockets: 1, llcs: 1, cores: 4, smt: 1 },
    nohz_full: [1, 2, 3],
    hz: 1000,
    tsc_khz: 2_500_000,
    housekeepers: [{ cpu: 0, load: 'busy', tick_phase_us: 400 }],
  },
  vm: {
    era: '6.19',
    apicv: true,
    pi_inject_timer: 'auto',
    hlt_in_guest: true,
    mwait_in_guest: false,
    preemption_timer: false,
    lapic_timer_advance: true,
  },
  vcpus: [{ cpu: 3, start_us: 0 }],
  guest: { timer: 'tsc-deadline', vector: 0xec, period_us: 1_000, handler_ns: 3_000, idle: 'busy', other_exits: null, arms: [] },
  run: { expiries: 4, seed: 1, paths: ['pinned', 'posted'] },
  costs: { set: 'skylake' },
};

/** The fragment of `{ preset, scenario, position, vcpu }`; of a scenario only what differs from a plain one. */
export function linkTo({ preset = null, scenario = null, position = null, vcpu = 0 }) {
  const merged = ([key, plain]) => [key, Array.isArray(plain) ? (scenario[key] ?? plain) : { ...plain, ...scenario[key] }];
  const whole = scenario && Object.fromEntries(Object.entries(PLAIN).map(merged));
  return sealed(LINK({ preset, scenario: whole, position, vcpu, picks: [] }));
}

/** The fragment of any bytes, under a right checksum. */
export function sealed(bytes) {
  return `#v1.${Buffer.from([...bytes, ...crc32c(bytes)]).toString('base64url')}`;
}

function crc32c(bytes) {
  let crc = 0xffffffff;
  for (const byte of bytes) {
    crc ^= byte;
    for (let bit = 0; bit < 8; bit++) crc = (crc >>> 1) ^ (crc & 1 ? 0x82f63b78 : 0);
  }
  const end = Buffer.alloc(4);
  end.writeUInt32LE(~crc >>> 0);
  return end;
}
