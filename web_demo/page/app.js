// @ts-check
/** The page: loads the network, looks at the camera or a photo, and shows what was found. */
import {drawSkeleton} from "./drawing.js";
import {agrees, loadRuntime, Network} from "./network.js";
import {cropOf, follow, percentile, regionOf, THRESHOLD, whole} from "./pose.js";

/**
 * @typedef {import("./pose.js").Box} Box
 * @typedef {import("./pose.js").Picture} Picture
 * @typedef {import("./network.js").Backend} Backend
 * @typedef {{file: string, recipe: string, bytes: number, sha256: string, decoder_added: boolean, spec: import("./pose.js").Spec}} Model
 */
const SAMPLES = 120; // the newest, of which the percentiles are
const MAX_PHOTO_SIDE = 4096; // pixels; what a phone's canvas can hold
/** @type {Record<Backend, string>} */
const NAMES = {webgpu: "WebGPU (GPU)", wasm: "Wasm (CPU)"};

/** An error whose message is a sentence for the user. */
class Refused extends Error {}

/**
 * @template {HTMLElement} T
 * @param {string} id
 * @param {new () => T} type
 * @returns {T}
 */
function element(id, type) {
  const found = document.getElementById(id);
  if (!(found instanceof type)) throw new Error(`no ${type.name} #${id}`);
  return found;
}
const text = (/** @type {string} */ id) => element(id, HTMLElement);
const [frame, overlay] = [element("frame", HTMLCanvasElement), element("overlay", HTMLCanvasElement)];
const video = element("video", HTMLVideoElement);
const [cameraButton, photoButton] = [element("camera", HTMLButtonElement), element("photo", HTMLButtonElement)];
const [pauseButton, switchButton] = [element("pause", HTMLButtonElement), element("switch", HTMLButtonElement)];
const [chooser, backends] = [element("file", HTMLInputElement), element("backend", HTMLSelectElement)];
const pixels = /** @type {CanvasRenderingContext2D} */ (frame.getContext("2d", {willReadFrequently: true, alpha: false}));

/** @type {Model} */
let model;
/** @type {Uint8Array<ArrayBuffer>} */
let file;
/** @type {Network} */
let network;
/** @type {Float64Array | null} */
let keypoints = null;
/** @type {{network: number[], rest: number[], ends: number[]}} */
let times = {network: [], rest: [], ends: []};
/** @type {MediaStream | null} */
let stream = null;
let paused = false;
let facing = "environment";
/** Counts what is shown: work that was begun for an earlier source ends when it finds another number. */
let source = 0;
let checked = false; // whether WebGPU's keypoints were compared
/** @type {Promise<unknown>} */
let queue = Promise.resolve();

/**
 * Do one thing with the network after the other: none is run twice at once, or deleted while it runs.
 * @template T
 * @param {() => Promise<T>} work
 * @returns {Promise<T>}
 */
function inTurn(work) {
  const done = queue.then(work);
  queue = done.catch(() => {});
  return done;
}

/** @param {string} words  @param {boolean} [bad] */
function say(words, bad = false) {
  text("message").textContent = words;
  text("message").classList.toggle("bad", bad);
}

/** @param {unknown} error @param {string} otherwise  what to say for an error that is not a sentence */
function fail(error, otherwise) {
  if (!(error instanceof Refused)) console.error(error);
  say(error instanceof Refused ? error.message : otherwise, true);
  document.documentElement.dataset.state = "failed";
}

/** @param {string} name @returns {Promise<Response>} */
async function get(name) {
  const response = await fetch(name).catch(() => null);
  if (!response?.ok) throw new Refused(`${name} could not be loaded. Load this page again, or write it again with poseport web.`);
  return response;
}

async function load() {
  say("Loading the network …");
  model = await (await get("model.json")).json();
  const {spec} = model;
  document.title = `${spec.name} · poseport`;
  text("name").textContent = spec.name;
  const [height, width] = spec.input_hw;
  text("about").textContent =
    `${model.recipe} · ${width} × ${height} · ${spec.skeleton.names.length} keypoints · ${(model.bytes / 1e6).toFixed(1)}\u00a0MB`;
  file = new Uint8Array(await (await get(model.file)).arrayBuffer());
  // browsers offer digests on https and localhost only
  const digest = crypto.subtle ? hex(await crypto.subtle.digest("SHA-256", file)) : model.sha256;
  if (file.length !== model.bytes || digest !== model.sha256) {
    throw new Refused(`${model.file} is damaged: not the bytes that were written. Copy the page again.`);
  }
  say("Loading LiteRT.js …");
  const available = await loadRuntime();
  for (const backend of available) backends.append(new Option(NAMES[backend], backend));
  text("choice").hidden = available.length < 2;
  await compile(available[0]);
  cameraButton.disabled = photoButton.disabled = false;
  say("");
  document.documentElement.dataset.state = "ready";
}

/** @param {ArrayBuffer} bytes */
function hex(bytes) {
  return [...new Uint8Array(bytes)].map((byte) => byte.toString(16).padStart(2, "0")).join("");
}

/** @param {Backend} backend */
async function compile(backend) {
  const old = network;
  try {
    network = await Network.compile(model.spec, file, backend);
  } catch (error) {
    if (backend === "wasm") throw error;
    console.warn(error);
    network = await Network.compile(model.spec, file, "wasm");
    say("WebGPU could not take this file; it runs on the CPU.");
  }
  old?.delete();
  checked = network.requested === "wasm";
  backends.value = network.requested;
  times = {network: [], rest: [], ends: []};
  text("ran").textContent = network.ran;
}

/**
 * Find the person in a box of the picture on the canvas, and draw what was found.
 * @param {Box | null} box  null for the whole picture
 * @param {number} begin  when the work on this picture began
 * @returns {Promise<Box | null>} where to look next
 */
async function look(box, begin) {
  const mine = source;
  const {width, height} = frame;
  const place = box ?? whole(width, height);
  const {input_hw, padding} = model.spec;
  const region = regionOf(cropOf(place, input_hw, padding), input_hw, width, height);
  const {data} = pixels.getImageData(region.x, region.y, region.width, region.height);
  const picture = {data, width, height, region};
  if (!checked) {
    checked = true;
    if (!(await agrees(network, file, picture, place))) {
      await compile("wasm");
      say("WebGPU finds other keypoints than the CPU on this device, so the CPU is used.", true);
    }
    begin = performance.now();
  }
  const result = await network.find(picture, place);
  if (mine !== source) return null; // another source is shown by now
  keypoints = result.keypoints;
  frame.dataset.looks = String(Number(frame.dataset.looks ?? 0) + 1);
  frame.dataset.box = [place.x, place.y, place.width, place.height].join(" ");
  drawSkeleton(overlay, frame, keypoints, model.spec.skeleton);
  const end = performance.now();
  times.network.push(result.networkMs);
  times.rest.push(end - begin - result.networkMs);
  times.ends.push(end);
  for (const list of Object.values(times)) if (list.length > SAMPLES) list.shift();
  return follow(keypoints, width, height);
}

/** @param {number} value */
const digits = (value) => value.toFixed(value < 100 ? 1 : 0);

/** Show figures and the table. */
function report() {
  const both = (/** @type {number[]} */ list) => `${[50, 90].map((percent) => digits(percentile(list, percent))).join(" / ")} ms`;
  const found = keypoints;
  if (!found || !times.network.length) return;
  const {names} = model.spec.skeleton;
  const sure = names.filter((_, k) => found[3 * k + 2] >= THRESHOLD).length;
  text("ran").textContent = network.ran;
  text("network").textContent = both(times.network);
  text("rest").textContent = both(times.rest);
  const {ends} = times;
  const filming = stream && ends.length > 1;
  text("rate").textContent = filming ? digits((1000 * (ends.length - 1)) / (ends[ends.length - 1] - ends[0])) : "–";
  text("found").textContent = `${sure} of ${names.length}`;
  frame.setAttribute("aria-label", `${stream ? "Camera picture" : "Photo"}: ${sure} of ${names.length} keypoints found`);
  if (!text("rows").closest("details")?.open) return;
  text("rows").replaceChildren(...names.map((name, k) => {
    const row = document.createElement("tr");
    row.classList.toggle("unsure", !(found[3 * k + 2] >= THRESHOLD));
    for (const value of [name, ...[0, 1, 2].map((i) => found[3 * k + i].toFixed(2))]) row.insertCell().textContent = value;
    return row;
  }));
}

/** Forget what was shown. @returns {number} the number of the new source */
function begin() {
  source++;
  stream?.getTracks().forEach((track) => track.stop());
  [stream, keypoints, paused] = [null, null, false];
  times = {network: [], rest: [], ends: []};
  video.srcObject = null;
  cameraButton.textContent = "Start camera";
  pauseButton.textContent = "Pause";
  pauseButton.hidden = switchButton.hidden = true;
  text("view").classList.remove("mirrored");
  say("");
  return source;
}

/** @param {boolean} shown  whether there is a picture; if not, the page says what to do */
function showView(shown) {
  text("view").hidden = !shown;
  text("empty").hidden = shown;
}

/** @param {Blob} blob */
async function showPhoto(blob) {
  const mine = begin();
  const bitmap = await createImageBitmap(blob, {premultiplyAlpha: "none"}).catch(() => {
    throw new Refused("This file is not a picture that the browser can read. Choose a JPEG or PNG.");
  });
  if (mine !== source) return;
  const scale = Math.min(1, MAX_PHOTO_SIDE / Math.max(bitmap.width, bitmap.height));
  [frame.width, frame.height] = [bitmap.width, bitmap.height].map((side) => Math.max(1, Math.round(scale * side)));
  showView(true);
  pixels.drawImage(bitmap, 0, 0, frame.width, frame.height);
  bitmap.close();
  // once the whole picture, and once closer around the person found there
  const closer = await inTurn(() => look(null, performance.now()));
  if (closer && mine === source) await inTurn(() => look(closer, performance.now()));
  if (mine !== source) return;
  report();
  document.documentElement.dataset.state = "photo";
}

async function startCamera() {
  const mine = begin();
  if (!navigator.mediaDevices) {
    throw new Refused("Browsers allow the camera on https and on localhost only. Open this page there, or choose a photo.");
  }
  say("Starting the camera …");
  const opened = await navigator.mediaDevices
    .getUserMedia({audio: false, video: {facingMode: facing, width: {ideal: 640}, height: {ideal: 480}}})
    .catch((/** @type {DOMException} */ error) => {
      const none = error.name === "NotFoundError" || error.name === "OverconstrainedError";
      throw new Refused(
        none ? "This device has no camera. Choose a photo."
          : error.name === "NotReadableError" ? "Another program uses the camera. Close it and start again, or choose a photo."
            : "The browser did not allow the camera. Allow it in the page’s settings, or choose a photo.",
      );
    });
  if (mine !== source) {
    opened.getTracks().forEach((track) => track.stop());
    return;
  }
  stream = opened;
  const [track] = stream.getVideoTracks();
  track.addEventListener("ended", () => {
    if (mine === source) {
      begin();
      say("The camera stopped. Start it again, or choose a photo.", true);
    }
  });
  video.srcObject = stream;
  await video.play();
  const side = track.getSettings().facingMode;
  // a laptop's camera says nothing and shows its user, who expects a mirror
  text("view").classList.toggle("mirrored", side !== "environment");
  cameraButton.textContent = "Stop camera";
  pauseButton.hidden = false;
  const devices = await navigator.mediaDevices.enumerateDevices();
  switchButton.hidden = devices.filter((device) => device.kind === "videoinput").length < 2;
  showView(true);
  say("");
  await film(mine);
}

/** Follow one person through the camera's pictures. @param {number} mine */
async function film(mine) {
  /** @type {Box | null} */
  let box = null;
  let shown = 0;
  while (mine === source) {
    await nextPicture();
    if (mine !== source) return;
    document.documentElement.dataset.state = paused ? "paused" : "camera";
    if (paused) continue;
    const start = performance.now();
    if (frame.width !== video.videoWidth || frame.height !== video.videoHeight) {
      if (!video.videoWidth) continue;
      [frame.width, frame.height] = [video.videoWidth, video.videoHeight];
      box = null;
    }
    pixels.drawImage(video, 0, 0);
    /** @type {Box | null} */
    const here = box;
    box = await inTurn(() => look(here, start));
    if (mine === source && (paused || performance.now() - shown > 250)) {
      report();
      shown = performance.now();
    }
  }
}

function nextPicture() {
  return new Promise((resolve) => {
    if (!paused && "requestVideoFrameCallback" in video) {
      video.requestVideoFrameCallback(resolve);
      setTimeout(resolve, 500); // a film that stands must not hold the loop for ever
    } else requestAnimationFrame(resolve);
  });
}

/** @param {() => Promise<unknown>} work @param {string} otherwise */
const run = (work, otherwise) => () => void work().catch((error) => fail(error, otherwise));

cameraButton.addEventListener("click", run(async () => {
  if (!stream) return startCamera();
  begin();
  showView(false);
  document.documentElement.dataset.state = "ready";
}, "The camera could not be used. Start it again, or choose a photo."));
pauseButton.addEventListener("click", () => {
  paused = !paused;
  pauseButton.textContent = paused ? "Continue" : "Pause";
  times.ends = [];
  report();
});
switchButton.addEventListener("click", run(() => {
  facing = facing === "environment" ? "user" : "environment";
  return startCamera();
}, "The other camera could not be used."));
photoButton.addEventListener("click", () => chooser.click());
const PHOTO_FAILED = "The photo could not be used. Choose another one.";
chooser.addEventListener("change", () => {
  const [photo] = chooser.files ?? [];
  if (photo) run(() => showPhoto(photo), PHOTO_FAILED)();
  chooser.value = "";
});
backends.addEventListener("change", run(async () => {
  const wanted = /** @type {Backend} */ (backends.value);
  const again = stream !== null;
  if (again) begin();
  await inTurn(() => compile(wanted));
  if (again) await startCamera();
  else if (keypoints) {
    await inTurn(() => look(boxOf(frame.dataset.box ?? ""), performance.now()));
    report();
  }
}, "This backend could not be used."));

/** @param {string} words @returns {Box} */
function boxOf(words) {
  const [x, y, width, height] = words.split(" ").map(Number);
  return {x, y, width, height};
}

const stage = text("stage");
for (const kind of ["dragover", "dragleave", "drop"]) {
  stage.addEventListener(kind, (event) => {
    event.preventDefault();
    stage.classList.toggle("over", kind === "dragover");
    const [photo] = /** @type {DragEvent} */ (event).dataTransfer?.files ?? [];
    if (kind === "drop" && photo && !photoButton.disabled) run(() => showPhoto(photo), PHOTO_FAILED)();
  });
}
text("rows").closest("details")?.addEventListener("toggle", report);
new ResizeObserver(() => {
  if (model) drawSkeleton(overlay, frame, keypoints, model.spec.skeleton);
}).observe(overlay);

run(load, "This browser cannot run the network: it needs WebAssembly with SIMD (Chrome 91, Firefox 89, Safari 16.4 or newer).")();
