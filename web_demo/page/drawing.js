// @ts-check
/** A skeleton over a picture, in the colours of the toolkit and the app. */
import {sideOf, THRESHOLD} from "./pose.js";

// left, right and middle: far apart in hue and brightness, also for the colour-blind
const COLOURS = ["rgb(230, 110, 0)", "rgb(0, 130, 255)", "rgb(245, 240, 80)"];
const RIM = "rgb(20, 20, 20)";

/**
 * Draw over a picture that fills a canvas as far as its shape allows, in the middle.
 * @param {HTMLCanvasElement} canvas
 * @param {{width: number, height: number}} picture
 * @param {Float64Array | null} keypoints  x and y in the picture's pixels and a score, per keypoint
 * @param {import("./pose.js").Skeleton} skeleton
 */
export function drawSkeleton(canvas, picture, keypoints, skeleton) {
  const density = window.devicePixelRatio || 1;
  const [width, height] = [Math.round(canvas.clientWidth * density), Math.round(canvas.clientHeight * density)];
  if (canvas.width !== width || canvas.height !== height) Object.assign(canvas, {width, height});
  const context = /** @type {CanvasRenderingContext2D} */ (canvas.getContext("2d"));
  context.clearRect(0, 0, width, height);
  if (!keypoints) return;
  const scale = Math.min(width / picture.width, height / picture.height);
  const x = (/** @type {number} */ k) => width / 2 + scale * (keypoints[3 * k] + 0.5 - picture.width / 2);
  const y = (/** @type {number} */ k) => height / 2 + scale * (keypoints[3 * k + 1] + 0.5 - picture.height / 2);
  const sure = (/** @type {number} */ k) =>
    keypoints[3 * k + 2] >= THRESHOLD && Number.isFinite(keypoints[3 * k]) && Number.isFinite(keypoints[3 * k + 1]);
  const thick = Math.max(3, Math.min(width, height) / 150);
  context.lineCap = "round";
  const index = new Map(skeleton.names.map((name, k) => [name, k]));
  for (const rim of [true, false]) {
    for (const [a, b] of skeleton.limbs) {
      const [i, j] = [index.get(a) ?? -1, index.get(b) ?? -1];
      if (i < 0 || j < 0 || !sure(i) || !sure(j)) continue;
      context.strokeStyle = rim ? RIM : COLOURS[sideOf(a, b)];
      context.lineWidth = rim ? 1.6 * thick : thick;
      context.beginPath();
      context.moveTo(x(i), y(i));
      context.lineTo(x(j), y(j));
      context.stroke();
    }
  }
  skeleton.names.forEach((name, k) => {
    if (!sure(k)) return;
    for (const [colour, radius] of /** @type {[string, number][]} */ ([[RIM, 1.4], [COLOURS[sideOf(name)], 1.1]])) {
      context.fillStyle = colour;
      context.beginPath();
      context.arc(x(k), y(k), radius * thick, 0, 2 * Math.PI);
      context.fill();
    }
  });
}
