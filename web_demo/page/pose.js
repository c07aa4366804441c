// @ts-check
/**
 * From a person's box to a network's input, and from its output to keypoints.
 *
 * The arithmetic of the toolkit's `crop`, `pose`, `coords` and `track`, held to it by the golden vectors of
 * tests/golden. Pixel centres are at integer coordinates. Nothing here touches the document.
 *
 * @typedef {{x: number, y: number, width: number, height: number}} Box  in pixels, from x - 0.5 to x + width - 0.5
 * @typedef {{zoom: number, left: number, top: number}} Crop  input x = zoom * image x + left, and y alike with top
 * @typedef {object} Picture
 * @property {Uint8ClampedArray | Uint8Array} data  RGBA of the region, row by row
 * @property {number} width  of the whole picture in pixels
 * @property {number} height
 * @property {Box} [region]  whole pixels; absent where the data is the whole picture
 * @typedef {{kind: "keypoints", order: "xys" | "yxs"} | {kind: "coords", score: "none" | "visibility" | "sigma"}} Output
 * @typedef {{name: string, names: string[], limbs: [string, string][]}} Skeleton
 * @typedef {object} Spec  the part of the card that a page needs
 * @property {string} name
 * @property {Skeleton} skeleton
 * @property {[number, number]} input_hw  height and width in pixels
 * @property {Output} output
 * @property {number} padding  factor by which a box is enlarged
 * @property {[number, number, number]} mean  the input is (pixel - mean) / std
 * @property {[number, number, number]} std
 * @property {"rgb" | "bgr"} channel_order
 */

/** Keypoints that score less are neither drawn nor followed. */
export const THRESHOLD = 0.2;
const GROWTH = 1.25; // a person reaches beyond the keypoints, and moves between two pictures
const LEAST_SIDE = 1 / 16; // a smaller pose, as a share of the picture's shorter side, is not a person

/**
 * @param {number} width
 * @param {number} height
 * @returns {Box} the whole picture
 */
export function whole(width, height) {
  return {x: 0, y: 0, width, height};
}

/**
 * The crop in which a box, enlarged by the padding, fills the input without being distorted.
 * @param {Box} box
 * @param {[number, number]} inputHw
 * @param {number} padding
 * @returns {Crop}
 */
export function cropOf(box, [height, width], padding) {
  const zoom = Math.min(width / (box.width * padding), height / (box.height * padding));
  return {
    zoom,
    left: (width - 1) / 2 - zoom * (box.x + (box.width - 1) / 2),
    top: (height - 1) / 2 - zoom * (box.y + (box.height - 1) / 2),
  };
}

/**
 * The part of a picture that a crop reads, of at least one pixel.
 * @param {Crop} crop
 * @param {[number, number]} inputHw
 * @param {number} width
 * @param {number} height
 * @returns {Box} in whole pixels
 */
export function regionOf(crop, inputHw, width, height) {
  const reach = (/** @type {number} */ offset, /** @type {number} */ size, /** @type {number} */ length) => {
    // a pixel more on either side than the places of the input need, for those are computed in 32-bit floats
    const begin = Math.max(0, Math.min(length - 1, Math.floor(-offset / crop.zoom) - 1));
    const end = Math.max(begin + 1, Math.min(length, Math.floor((size - 1 - offset) / crop.zoom) + 3));
    return [begin, end - begin];
  };
  const [x, w] = reach(crop.left, inputHw[1], width);
  const [y, h] = reach(crop.top, inputHw[0], height);
  return {x, y, width: w, height: h};
}

/**
 * Normalised value of each level of red, green and blue.
 * @param {Spec} spec
 * @returns {Float32Array[]} three tables of 256 values
 */
export function levelTables(spec) {
  return spec.mean.map((mean, c) => Float32Array.from({length: 256}, (_, level) => (level - mean) / spec.std[c]));
}

/**
 * Fill a network's input with a crop: bilinear between pixels, black outside the picture, as OpenCV 5 does it in
 * 32-bit floats.
 * @param {Picture} picture
 * @param {Crop} crop
 * @param {Spec} spec
 * @param {Float32Array[]} tables  of `levelTables`
 * @param {Float32Array} input  height x width x 3, written into
 */
export function fillInput(picture, crop, spec, tables, input) {
  const [height, width] = spec.input_hw;
  const scale = Math.fround(1 / crop.zoom);
  const across = taps(width, scale, Math.fround(-crop.left / crop.zoom), picture.width);
  const down = taps(height, scale, Math.fround(-crop.top / crop.zoom), picture.height);
  const [red, green, blue] = tables;
  const [first, last] = spec.channel_order === "bgr" ? [2, 0] : [0, 2];
  // of two lines that follow one another, one is even and one is odd
  const lines = [new Float32Array(3 * width), new Float32Array(3 * width)];
  const held = [-9, -9];
  const at = (/** @type {number} */ y) => {
    if (held[y & 1] !== y) {
      mixAcross(picture, y, across, lines[y & 1]);
      held[y & 1] = y;
    }
    return lines[y & 1];
  };
  for (let v = 0, i = 0; v < height; v++) {
    const upper = at(down.first[v]);
    const lower = at(down.first[v] + 1);
    const share = down.share[v];
    for (let j = 0; j < 3 * width; j += 3, i += 3) {
      input[i + first] = red[level(upper[j], lower[j], share)];
      input[i + 1] = green[level(upper[j + 1], lower[j + 1], share)];
      input[i + last] = blue[level(upper[j + 2], lower[j + 2], share)];
    }
  }
}

/**
 * Between which two of `length` pixels each of `size` places lies, and how near it is to the second.
 * @param {number} size
 * @param {number} scale
 * @param {number} offset
 * @param {number} length
 */
function taps(size, scale, offset, length) {
  const first = new Int32Array(size);
  const share = new Float32Array(size);
  for (let i = 0; i < size; i++) {
    const place = Math.fround(scale * i + offset);
    const below = Math.floor(place);
    first[i] = Math.max(-2, Math.min(length, below)); // two pixels beside the picture are as far away as any
    share[i] = place - below;
  }
  return {first, share};
}

/**
 * One line of the picture at the places of the taps.
 * @param {Picture} picture
 * @param {number} y
 * @param {{first: Int32Array, share: Float32Array}} across
 * @param {Float32Array} line  written into
 */
function mixAcross({data, width, height, region = whole(width, height)}, y, {first, share}, line) {
  if (y < 0 || y >= height) {
    line.fill(0);
    return;
  }
  const row = (y - region.y) * region.width - region.x;
  for (let i = 0, j = 0; i < first.length; i++, j += 3) {
    const p = first[i];
    const at = 4 * (row + p);
    const part = share[i];
    if (p >= 0 && p + 1 < width) {
      const [r, g, b] = [data[at], data[at + 1], data[at + 2]];
      line[j] = r + Math.fround(part * (data[at + 4] - r));
      line[j + 1] = g + Math.fround(part * (data[at + 5] - g));
      line[j + 2] = b + Math.fround(part * (data[at + 6] - b));
      continue;
    }
    for (let c = 0; c < 3; c++) {
      const left = p >= 0 && p < width ? data[at + c] : 0;
      const right = p >= -1 && p + 1 < width ? data[at + 4 + c] : 0;
      line[j + c] = left + Math.fround(part * (right - left));
    }
  }
}

/**
 * Between the levels of two lines, rounded half to even: a float beyond 2^23 has no fraction.
 * @param {number} upper
 * @param {number} lower
 * @param {number} share
 */
function level(upper, lower, share) {
  const mixed = Math.fround(upper + Math.fround(share * Math.fround(lower - upper)));
  return (Math.fround(mixed + 8388608) - 8388608) | 0;
}

/**
 * @param {Spec} spec
 * @returns {number} numbers per keypoint in the network's output
 */
export function outputWidth(spec) {
  return spec.output.kind === "coords" && spec.output.score === "none" ? 2 : 3;
}

/**
 * @param {Spec} spec
 * @param {ArrayLike<number>} raw  the network's output
 * @param {Crop} crop  that made the network's input
 * @returns {Float64Array} x and y in image pixels and a score in [0, 1], per keypoint
 */
export function decode(spec, raw, crop) {
  const [height, width] = spec.input_hw;
  const {output} = spec;
  const n = outputWidth(spec);
  const [ix, iy] = output.kind === "keypoints" && output.order === "yxs" ? [1, 0] : [0, 1];
  const half = output.kind === "keypoints" ? 0.5 : 0; // coordinates count from the middle, keypoints from the edge
  const found = new Float64Array(3 * spec.skeleton.names.length);
  for (let k = 0; k < spec.skeleton.names.length; k++) {
    const x = Math.fround(raw[n * k + ix] - half) * width + (width - 1) / 2;
    const y = Math.fround(raw[n * k + iy] - half) * height + (height - 1) / 2;
    const score = n === 2 ? 1 : raw[n * k + 2] + 0.5 - half;
    found[3 * k] = (x - crop.left) / crop.zoom;
    found[3 * k + 1] = (y - crop.top) / crop.zoom;
    found[3 * k + 2] = Math.max(0, Math.min(1, score));
  }
  return found;
}

/**
 * The box to crop in the next picture.
 * @param {Float64Array | Float32Array} keypoints  x, y and score per keypoint, in pixels of a picture of the given size
 * @param {number} width
 * @param {number} height
 * @param {number} threshold  keypoints with a lower score are ignored
 * @returns {Box | null} null where the person is lost and the whole picture is the box
 */
export function follow(keypoints, width, height, threshold = THRESHOLD) {
  let [sure, left, top, right, bottom] = [0, Infinity, Infinity, -Infinity, -Infinity];
  for (let k = 0; k < keypoints.length; k += 3) {
    const [x, y, score] = [keypoints[k], keypoints[k + 1], keypoints[k + 2]];
    if (!(score >= threshold) || !Number.isFinite(x) || !Number.isFinite(y)) continue;
    sure++;
    [left, top] = [Math.min(left, x), Math.min(top, y)];
    [right, bottom] = [Math.max(right, x), Math.max(bottom, y)];
  }
  if (9 * sure < keypoints.length) return null;
  const side = Math.max(right - left, bottom - top) + 1;
  if (side < LEAST_SIDE * Math.min(width, height) || side > 2 * Math.max(width, height)) return null;
  const [x, y] = [(left + right) / 2, (top + bottom) / 2];
  if (x < -0.5 || y < -0.5 || x > width - 0.5 || y > height - 0.5) return null;
  const w = Math.max(GROWTH * (right - left + 1), (GROWTH * side) / 2);
  const h = Math.max(GROWTH * (bottom - top + 1), (GROWTH * side) / 2);
  return {x: x - (w - 1) / 2, y: y - (h - 1) / 2, width: w, height: h};
}

/**
 * The value that a share of the samples does not exceed, between two samples by a straight line.
 * @param {number[]} samples  at least one
 * @param {number} percent
 */
export function percentile(samples, percent) {
  const sorted = [...samples].sort((a, b) => a - b);
  const rank = (percent / 100) * (sorted.length - 1);
  const below = Math.floor(rank);
  return sorted[below] + (rank - below) * (sorted[Math.min(below + 1, sorted.length - 1)] - sorted[below]);
}

/**
 * Left 0, right 1, middle 2; a limb from a middle point to a side belongs to that side.
 * @param {string[]} names
 */
export function sideOf(...names) {
  const left = names.some((name) => name.startsWith("left_"));
  const right = names.some((name) => name.startsWith("right_"));
  return left === right ? 2 : left ? 0 : 1;
}
