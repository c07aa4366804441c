// @ts-check
/**
 * The network of the page: the .tflite file in LiteRT.js, on the GPU by WebGPU or on the CPU by WebAssembly.
 *
 * @typedef {import("./pose.js").Spec} Spec
 * @typedef {import("./pose.js").Picture} Picture
 * @typedef {import("./pose.js").Box} Box
 * @typedef {"webgpu" | "wasm"} Backend
 * @typedef {{keypoints: Float64Array, networkMs: number}} Result
 */
import {getWebGpuDevice, loadAndCompile, loadLiteRt, supportsFeature, Tensor} from "./litert/index.js";
import {cropOf, decode, fillInput, levelTables, THRESHOLD} from "./pose.js";

// on WebGPU, keypoints may be this share of the input's longer side away from those of WebAssembly
const AGREEMENT = 0.02;

/**
 * Load LiteRT.js. Where there is a GPU and the browser can suspend WebAssembly, its build that shares a network between
 * the two is taken.
 * @returns {Promise<Backend[]>} the backends of this browser, the fastest first
 */
export async function loadRuntime() {
  const gpu = await navigator.gpu?.requestAdapter().catch(() => null);
  await loadLiteRt("./litert/", {jspi: Boolean(gpu) && (await supportsFeature("jspi"))});
  return gpu && getWebGpuDevice() ? ["webgpu", "wasm"] : ["wasm"];
}

/** A compiled network and its input. */
export class Network {
  /**
   * @param {Spec} spec
   * @param {import("./litert/index.js").CompiledModel} model
   * @param {Backend} requested
   */
  constructor(spec, model, requested) {
    this.spec = spec;
    this.requested = requested;
    this.model = model;
    this.input = new Float32Array(spec.input_hw[0] * spec.input_hw[1] * 3);
    this.tables = levelTables(spec);
  }

  /**
   * @param {Spec} spec
   * @param {Uint8Array} file
   * @param {Backend} backend
   */
  static async compile(spec, file, backend) {
    return new Network(spec, await loadAndCompile(file, {accelerator: backend}), backend);
  }

  /** What ran, in words; LiteRT.js goes back to WebAssembly without an error where WebGPU lacks an operation. */
  get ran() {
    if (this.requested === "wasm") return "Wasm (CPU)";
    if (this.model.options.accelerator !== "webgpu") return "Wasm (CPU): WebGPU lacks an operation of this file";
    return this.model.isFullyAccelerated ? "WebGPU" : "WebGPU, and Wasm for the operations that it lacks";
  }

  /**
   * @param {Picture} picture
   * @param {Box} box  of the person
   * @returns {Promise<Result>}
   */
  async find(picture, box) {
    const crop = cropOf(box, this.spec.input_hw, this.spec.padding);
    fillInput(picture, crop, this.spec, this.tables, this.input);
    const begin = performance.now();
    const tensor = new Tensor(this.input, [1, ...this.spec.input_hw, 3]);
    const [output] = await this.model.run([tensor]);
    const raw = await output.data();
    const networkMs = performance.now() - begin;
    const keypoints = decode(this.spec, /** @type {Float32Array} */ (raw), crop);
    tensor.delete();
    output.delete();
    return {keypoints, networkMs};
  }

  delete() {
    this.model.delete();
  }
}

/**
 * Whether two results of one crop agree: all are numbers, and what the first is sure of is near in the second.
 * @param {Float64Array} reference
 * @param {Float64Array} other
 * @param {Box} box
 */
export function agreement(reference, other, box) {
  const most = AGREEMENT * Math.max(box.width, box.height);
  for (let k = 0; k < reference.length; k += 3) {
    if (!other.subarray(k, k + 3).every(Number.isFinite)) return false;
    const apart = Math.hypot(reference[k] - other[k], reference[k + 1] - other[k + 1]);
    if (reference[k + 2] >= THRESHOLD && apart > most) return false;
  }
  return true;
}

/**
 * Compare WebGPU's keypoints in one crop with those of WebAssembly.
 * @param {Network} network
 * @param {Uint8Array} file
 * @param {Picture} picture
 * @param {Box} box
 * @returns {Promise<boolean>} whether they agree
 */
export async function agrees(network, file, picture, box) {
  const reference = await Network.compile(network.spec, file, "wasm");
  try {
    const [wanted, found] = [await reference.find(picture, box), await network.find(picture, box)];
    return agreement(wanted.keypoints, found.keypoints, box);
  } finally {
    reference.delete();
  }
}
