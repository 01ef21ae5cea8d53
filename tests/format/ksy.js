// Compile a .ksy with the Kaitai Struct compiler, read a segment with what comes out, and
// print as JSON what test_ksy.py compares.
//
//   node ksy.js FILE.ksy SEGMENT
//
// Integers of 64 bits come out of the compiler's runtime as numbers; those that a double
// cannot hold are left out of the comparison.
import fs from "node:fs";
import vm from "node:vm";
import yaml from "js-yaml";
import KaitaiStream from "kaitai-struct/KaitaiStream.js";
import KaitaiStructCompiler from "kaitai-struct-compiler";

const [ksy, segment] = process.argv.slice(2);

async function compile(path) {
  const spec = yaml.load(fs.readFileSync(path, "utf8"));
  const files = await KaitaiStructCompiler.compile("javascript", spec, null, false);
  const exports = {};
  const require = () => KaitaiStream;
  for (const source of Object.values(files)) {
    vm.runInThisContext(`(function (exports, require) {${source}\n})`)(exports, require);
  }
  return exports.SnakepitSegment;
}

const name = (enumeration, value) => enumeration[value] ?? value;
const hex = (bytes) => Buffer.from(bytes).toString("hex");

// What the bodies of the regions hold, by type, in the order of the directory.
function contents(Segment, region) {
  const { RegionType, RowKind } = Segment;
  const bodies = region.blocks.map((block) => block.body);
  const entries = () => bodies.flatMap((body) => body.entries);
  switch (region.type) {
    case RegionType.DESC:
      return entries().map((d) => ({
        id: d.id,
        name: d.name.text?.text ?? "",
        prom_name: d.promName.text?.text ?? "",
        kind: name(Segment.DescKind, d.kind),
      }));
    case RegionType.JSON:
      return bodies[0].text;
    case RegionType.ROWD:
      return entries().map((r) => ({ gen: r.gen, uid: r.uid, name: r.name.text }));
    case RegionType.EVNT:
      return entries()
        .filter((e) => e.seq !== 0)
        .map((e) => ({ seq: e.seq - 1, mono_ns: e.monoNs, slot: e.slot, pid: e.pid }));
    case RegionType.SPAN:
      return entries()
        .filter((s) => s.seq !== 0)
        .map((s) => ({ seq: s.seq - 1, correlation_id: s.correlation.text }));
    case RegionType.EVID:
      return entries()
        .filter((e) => e.seq !== 0)
        .map((e) => e.text.text.slice(0, e.length));
    case RegionType.INFL:
      return entries()
        .map((slot) => slot.copy[slot.seq % 2])
        .filter((copy) => copy.startMonoNs !== 0)
        .map((copy) => copy.correlation.text);
    case RegionType.HIST:
      return entries().filter((s) => s.seq !== 0).length;
    case RegionType.SNAP:
      return bodies.map((half) => ({
        seq: half.seq,
        rows: half.table.map((table) => (table.entries ?? []).map((r) => r.name.text)),
      }));
    case RegionType.THRD:
      return entries().map((t) => t.name.text);
    default:
      return bodies.length;
  }
}

const Segment = await compile(ksy);
const file = new Segment(new KaitaiStream(fs.readFileSync(segment)));
const header = file.header;
console.log(
  JSON.stringify({
    instance: header.name,
    uuid: hex(header.instanceUuid),
    pid: header.pid,
    state: name(Segment.State, header.state),
    map_size: header.mapSize,
    snap_seq: header.snapSeq,
    regions: file.directory.map((region) => ({
      type: name(Segment.RegionType, region.type),
      kind: name(Segment.RowKind, region.kind),
      off: region.off,
      stride: region.stride,
      contents: contents(Segment, region),
    })),
  }),
);
