// Holds the page's arithmetic to the golden vectors: node tests/web/golden.mjs PAGE GOLDEN prints what was compared.
import {readFileSync} from "node:fs";
import {join} from "node:path";
import {pathToFileURL} from "node:url";

const [page, golden] = process.argv.slice(2);
const {cropOf, decode, fillInput, follow, levelTables, regionOf} = await import(pathToFileURL(join(page, "pose.js")).href);
const TYPES = {uint8: Uint8Array, float32: Float32Array, int8: Int8Array, int16: Int16Array, float64: Float64Array};

function cases(name) {
  const {cases: found, data} = JSON.parse(readFileSync(join(golden, `${name}.json`), "utf8"));
  const bytes = readFileSync(join(golden, data));
  const array = ({dtype, shape, offset}) => {
    const size = shape.reduce((a, b) => a * b, 1);
    return new TYPES[dtype](bytes.buffer.slice(bytes.byteOffset + offset), 0, size);
  };
  return found.map((one) => ({...one, array}));
}

const worst = {};
const counts = {};
function note(what, difference) {
  counts[what] = (counts[what] ?? 0) + 1;
  worst[what] = Math.max(worst[what] ?? 0, Number.isNaN(difference) ? Infinity : difference);
}
const boxOf = ([x, y, width, height]) => ({x, y, width, height});

function rgba(rgb, width, height) {
  const data = new Uint8ClampedArray(4 * width * height).fill(255);
  for (let i = 0; i < width * height; i++) data.set(rgb.subarray(3 * i, 3 * i + 3), 4 * i);
  return {data, width, height};
}

/** Only the pixels that a crop reads. */
function part({data, width, height}, crop, inputHw) {
  const region = regionOf(crop, inputHw, width, height);
  const rows = Array.from({length: region.height}, (_, y) => 4 * ((region.y + y) * width + region.x));
  return {data: Uint8Array.from(rows.flatMap((at) => [...data.subarray(at, at + 4 * region.width)])), width, height, region};
}

for (const one of cases("crop")) {
  if (one.rotation_deg || one.flip || one.scale !== 1 || one.shift.some(Boolean)) continue; // only training has these
  const crop = cropOf(boxOf(one.box_xywh), one.input_hw, one.padding);
  const [[a, b, c], [d, e, f]] = one.expected.matrix;
  note("matrix", Math.max(...[crop.zoom - a, b, crop.left - c, d, crop.zoom - e, crop.top - f].map(Math.abs)));
  const [h, w] = one.input_hw;
  const spec = {input_hw: one.input_hw, mean: [0, 0, 0], std: [1, 1, 1], channel_order: "rgb"};
  const input = new Float32Array(h * w * 3);
  const [ph, pw] = one.picture.shape;
  const picture = rgba(one.array(one.picture), pw, ph);
  fillInput(picture, crop, spec, levelTables(spec), input);
  const again = new Float32Array(input.length);
  fillInput(part(picture, crop, one.input_hw), crop, spec, levelTables(spec), again);
  note("crop from its region, values that differ", input.filter((value, i) => value !== again[i]).length);
  const wanted = one.array(one.expected.crop);
  const off = wanted.reduce((sum, level, i) => sum + (level !== input[i] ? 1 : 0), 0);
  const by = wanted.reduce((most, level, i) => Math.max(most, Math.abs(level - input[i])), 0);
  // OpenCV computes the last width % 32 columns in another order, where some values round to the next level
  if (w % 32 === 0) note("crop, values that differ", off);
  else note("crop with a rest, largest difference", by);
}

for (const one of cases("input")) {
  if (one.dtype !== "float32") continue;
  const [h, w] = one.spec.input_hw;
  const input = new Float32Array(h * w * 3);
  const itself = cropOf({x: 0, y: 0, width: w, height: h}, one.spec.input_hw, 1);
  fillInput(rgba(one.array(one.crop), w, h), itself, one.spec, levelTables(one.spec), input);
  const wanted = one.array(one.expected.values);
  note("input", wanted.reduce((most, value, i) => Math.max(most, Math.abs(value - input[i])), 0));
}

for (const one of cases("decode")) {
  if (!["keypoints", "coords"].includes(one.spec.output.kind) || one.raw.dtype !== "float32") continue;
  const [[zoom, , left], [, , top]] = one.matrix;
  if (one.matrix[0][1] !== 0 || one.matrix[1][1] !== zoom) continue;
  const found = decode(one.spec, one.array(one.raw), {zoom, left, top});
  one.expected.image_px.forEach((xys, k) =>
    xys.forEach((value, i) => {
      if (value !== null || Number.isFinite(found[3 * k + i])) note("decode", Math.abs(value - found[3 * k + i]));
    }),
  );
}

for (const one of cases("track")) {
  const [height, width] = one.image_hw;
  const box = follow(one.array(one.keypoints), width, height, one.threshold);
  const wanted = one.expected.box_xywh;
  if (wanted[0] === null || box === null) note("track, lost", Number((wanted[0] === null) !== (box === null)));
  else note("track", Math.max(...[box.x, box.y, box.width, box.height].map((v, i) => Math.abs(v - wanted[i]))));
}

console.log(JSON.stringify({worst, counts}));
